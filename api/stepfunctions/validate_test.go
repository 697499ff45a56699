package stepfunctions

import (
	"context"
	"errors"
	"strings"
	"testing"

	"millrace/engine"
	"millrace/engine/interp"
)

// shop has tasks of which AWS knows nothing.
type shop struct{}

func (shop) Call(context.Context, engine.Call) (interp.Outcome, error) {
	return interp.Outcome{}, errors.New("nothing is called")
}

func (shop) Resolve(resource string) (engine.Task, error) {
	if strings.HasSuffix(resource, ":::shop:order") {
		return nil, nil
	}
	return nil, errors.New("not here")
}

// TestResourcesThatAWSDoesNotKnow holds that the doors which take a definition
// refuse integrations that neither AWS nor this server has.
func TestResourcesThatAWSDoesNotKnow(t *testing.T) {
	s := New(Config{Engine: &fake{machine: engine.StateMachine{ARN: testMachine, Type: engine.Standard}}, Tasks: shop{}})
	for resource, known := range map[string]bool{
		"arn:aws:states:::sqs:sendMessage":           true,
		"arn:aws:states:::glue:startJobRun.sync":     true, // AWS has it, this server does not
		"arn:aws:states:::shop:order":                true,
		"arn:aws:states:::shop:pay":                  false,
		"arn:aws:states:::sqs:sendMessage.sync":      false,
		"arn:aws:states:::aws-sdk:sqs:nope":          false,
		"arn:aws:states:::aws-sdk:nope:sendMessage":  false,
		"arn:aws:states:::aws-sdk:sqs:SendMessage":   false,
		"arn:aws:lambda:us-east-1:1:function:any":    true,
		"arn:aws:states:us-east-1:1:activity:a":      true,
		"arn:aws:states:us-east-1:1:stateMachine:m":  false,
		"arn:aws:lambda:us-east-1:1:layer:any":       false,
		"arn:aws-cn:states:::aws-sdk:ec2:createTags": true,
	} {
		state := `{"Type":"Task","Resource":"` + resource + `","End":true}`
		machine := `{"StartAt":"S","States":{"S":` + state + `}}`
		want := "The resource provided " + resource + " is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."
		for operation, in := range map[string]string{
			"CreateStateMachine": encoded("name", "a", "roleArn", testRole, "definition", machine),
			"UpdateStateMachine": encoded("stateMachineArn", testMachine, "definition", machine),
			"TestState":          encoded("definition", machine, "stateName", "S", "mock", map[string]any{"result": "{}"}),
		} {
			_, err := s.Answer(t.Context(), operation, []byte(in))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if known == strings.HasPrefix(got, "InvalidDefinition") ||
				!known && got != "InvalidDefinition: Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: "+want+" at /States/S/Resource'" {
				t.Errorf("%s of %s: got %s", operation, resource, got)
			}
		}
		out, err := s.Answer(t.Context(), "ValidateStateMachineDefinition", []byte(encoded("definition", machine)))
		if err != nil || strings.Contains(string(out), `"result":"OK"`) != known || strings.Contains(string(out), want) == known {
			t.Errorf("%s: got %s, %v", resource, out, err)
		}
	}
}
