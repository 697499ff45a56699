package teststate

import (
	"errors"
	"testing"

	"millrace/engine/interp"
)

// FuzzNew holds that whatever is asked for is refused or ends with a status.
func FuzzNew(f *testing.F) {
	for _, d := range []string{
		`{"Type":"Pass","End":true}`,
		`{` + invoke + `,"Parameters":{"a.$":"$.b"},"Retry":[{"ErrorEquals":["States.ALL"],"JitterStrategy":"FULL"}],"Catch":[{"ErrorEquals":["States.ALL"],"Next":"H"}],"End":true}`,
		`{"Type":"Map","QueryLanguage":"JSONata","Items":"{% $states.input %}","ItemSelector":"{% $states.context %}","ItemBatcher":{"MaxItemsPerBatch":1},"ItemReader":{"Resource":"arn:aws:states:::s3:getObject","ReaderConfig":{"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW"}},"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"In","States":{"In":{"Type":"Pass","End":true}}},"ToleratedFailureCount":1,"End":true}`,
		`{"Type":"Parallel","Branches":[{"StartAt":"B","States":{"B":{"Type":"Pass","End":true}}}],"End":true}`,
		`{"Type":"Choice","Choices":[{"Variable":"$.b","IsPresent":true,"Next":"N"}]}`,
		`{"Type":"Wait","TimestampPath":"$.b","End":true}`,
		`{"Type":"Fail","ErrorPath":"$.b"}`,
	} {
		f.Add(d, "", `{"b":1}`, `{"v":1}`, `{"State":{"Name":"x"}}`, `[1]`, "", "a,b\n1,2", byte(0))
		f.Add(d, "", `[1,2]`, `{}`, ``, ``, "E", "[1]", byte(3))
	}
	f.Fuzz(func(t *testing.T, definition, state, input, variables, context, mock, fault, data string, n byte) {
		r := request(definition, input, nil)
		r.StateName, r.Retries, r.MapFailures, r.MapReaderData = state, int64(n), int64(n), &data
		if variables != "" {
			r.Variables = []byte(variables)
		}
		if context != "" {
			r.Context = []byte(context)
		}
		switch {
		case mock != "":
			r.Mock = result(mock)
		case fault != "":
			r.Mock = fails(fault, "c")
		}
		x, err := New(r, [16]byte{n}, noon)
		if err != nil {
			if refusal := (*Refusal)(nil); !errors.As(err, &refusal) {
				t.Fatalf("not a refusal: %v", err)
			}
			return
		}
		if x.Call() != nil {
			x.Answer(interp.Outcome{}, noon)
		}
		end := x.Result()
		switch end.Status {
		case Succeeded, CaughtError:
			if end.Output == nil {
				t.Errorf("%s without an output", end.Status)
			}
		case Failed, Retriable:
			if end.Output != nil {
				t.Errorf("%s with an output", end.Status)
			}
		default:
			t.Errorf("status %q", end.Status)
		}
		end.JSON(Trace)
	})
}
