package pattern

import (
	"strings"
	"testing"

	"millrace/asl/document"
)

func TestMatch(t *testing.T) {
	const event = `{"source":"aws.s3","detail-type":"AWS API Call via CloudTrail","region":"","none":null,"resources":["a","b"],
		"detail":{"eventName":"PutObject","size":300.0,"ok":true,"ip":"10.0.0.17","path":"dir/File.PNG","tags":[{"k":"x","v":1},{"k":"y","v":2}],"empty":[],"deep":{"n":-0.5}}}`
	v, err := document.Parse([]byte(event))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		pattern string
		want    bool
	}{
		{`{"source":["aws.s3"]}`, true},
		{`{"source":["aws.ec2","aws.s3"],"detail":{"eventName":["PutObject"]}}`, true},
		{`{"source":["aws.ec2"]}`, false},
		{`{"source":["aws.s3"],"detail":{"eventName":["GetObject"]}}`, false},
		{`{"resources":["b","c"]}`, true},
		{`{"resources":["c"]}`, false},
		{`{"region":[""]}`, true},
		{`{"none":[null]}`, true},
		{`{"missing":[null]}`, false},
		{`{"detail":{"size":[300]}}`, true},
		{`{"detail":{"size":["300"]}}`, false},
		{`{"detail":{"ok":[true]}}`, true},
		{`{"detail":["PutObject"]}`, false},
		{`{"source":{"x":["y"]}}`, false},
		{`{"source":[{"prefix":"aws."}]}`, true},
		{`{"source":[{"suffix":"s3"}]}`, true},
		{`{"source":[{"prefix":"AWS."}]}`, false},
		{`{"source":[{"prefix":{"equals-ignore-case":"AWS."}}]}`, true},
		{`{"detail":{"path":[{"suffix":{"equals-ignore-case":".png"}}]}}`, true},
		{`{"source":[{"equals-ignore-case":"AWS.S3"}]}`, true},
		{`{"source":[{"anything-but":"aws.ec2"}]}`, true},
		{`{"source":[{"anything-but":["aws.s3","x"]}]}`, false},
		{`{"resources":[{"anything-but":["a"]}]}`, true},
		{`{"resources":[{"anything-but":["a","b"]}]}`, false},
		{`{"source":[{"anything-but":{"prefix":"aws."}}]}`, false},
		{`{"source":[{"anything-but":{"suffix":["x","y"]}}]}`, true},
		{`{"source":[{"anything-but":{"equals-ignore-case":["AWS.S3"]}}]}`, false},
		{`{"source":[{"anything-but":{"wildcard":"*.s3"}}]}`, false},
		{`{"missing":[{"anything-but":"x"}]}`, false},
		{`{"detail":{"size":[{"numeric":[">",0,"<=",300]}]}}`, true},
		{`{"detail":{"size":[{"numeric":["<",300]}]}}`, false},
		{`{"detail":{"size":[{"numeric":["=",3e2]}]}}`, true},
		{`{"detail":{"deep":{"n":[{"numeric":[">=",-1,"<",0]}]}}}`, true},
		{`{"source":[{"numeric":[">",0]}]}`, false},
		{`{"source":[{"exists":true}]}`, true},
		{`{"source":[{"exists":false}]}`, false},
		{`{"missing":[{"exists":false}]}`, true},
		{`{"detail":{"missing":[{"exists":false}]}}`, true},
		{`{"absent":{"missing":[{"exists":false}]}}`, true},
		{`{"detail":[{"exists":true}]}`, false},
		{`{"detail":{"empty":[{"exists":false}]}}`, true},
		{`{"none":[{"exists":true}]}`, true},
		{`{"missing":["x",{"exists":false}]}`, true},
		{`{"detail":{"ip":[{"cidr":"10.0.0.0/24"}]}}`, true},
		{`{"detail":{"ip":[{"cidr":"10.0.1.0/24"}]}}`, false},
		{`{"detail":{"ip":[{"cidr":"2001:db8::/32"}]}}`, false},
		{`{"detail":{"path":[{"wildcard":"dir/*.PNG"}]}}`, true},
		{`{"detail":{"path":[{"wildcard":"*i*i*"}]}}`, true},
		{`{"detail":{"path":[{"wildcard":"*File"}]}}`, false},
		{`{"detail":{"path":[{"wildcard":"dir/File.PNG"}]}}`, true},
		{`{"detail":{"path":[{"wildcard":"dir\\*"}]}}`, false},
		{`{"detail":{"tags":{"k":["y"],"v":[2]}}}`, true},
		{`{"detail":{"tags":{"k":["x"],"v":[2]}}}`, false},
		{`{"$or":[{"source":["x"]},{"detail":{"ok":[true]}}]}`, true},
		{`{"source":["aws.s3"],"$or":[{"region":["x"]},{"none":["y"]}]}`, false},
		{`{"detail":{"$or":[{"ok":[false]},{"size":[300]}]}}`, true},
	} {
		p, err := Compile([]byte(c.pattern))
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		if got := p.Match(v); got != c.want {
			t.Errorf("%s: got %v", c.pattern, got)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``: "not JSON", `[]`: "a pattern is an object", `{}`: "empty objects", `{"a":"b"}`: "a: must be an object or an array", `{"a":[]}`: "a: empty arrays",
		`{"a":{"b":{}}}`: "a.b: empty objects", `{"a":[[1]]}`: "arrays in arrays", `{"a":[{"prefix":1}]}`: "prefix must be a string", `{"a":[{"suffix":{"prefix":"x"}}]}`: "equals-ignore-case",
		`{"a":[{"prefix":"x","suffix":"y"}]}`: "one member", `{"a":[{"regex":"x"}]}`: "unrecognized match type regex", `{"a":[{"exists":"true"}]}`: "true or false",
		`{"a":[{"numeric":[">"]}]}`: "numeric must be", `{"a":[{"numeric":["<",1,">",0]}]}`: "lower bound", `{"a":[{"numeric":[">",5,"<",1]}]}`: "lower bound", `{"a":[{"numeric":["!",1]}]}`: "unrecognized numeric",
		`{"a":[{"numeric":[">","1"]}]}`: "must be numeric", `{"a":[{"cidr":"10.0.0"}]}`: "cidr", `{"a":[{"wildcard":"a**b"}]}`: "consecutive", `{"a":[{"wildcard":"a\\b"}]}`: "escape",
		`{"a":[{"anything-but":[]}]}`: "empty arrays", `{"a":[{"anything-but":true}]}`: "a string or a number", `{"a":[{"anything-but":{"numeric":["=",1]}}]}`: "anything-but takes", `{"$or":[{"a":["b"]}]}`: "at least 2",
		`{"a":["` + strings.Repeat("x", MaxLength) + `"]}`: "at most 4096 bytes",
	} {
		if _, err := Compile([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got %v, want %q in it", text, err, want)
		}
	}
}

func FuzzCompile(f *testing.F) {
	f.Add([]byte(`{"a":[{"wildcard":"a*\\*"},{"numeric":[">",1]}],"$or":[{"b":["c"]},{"d":{"e":[null]}}]}`), []byte(`{"a":["a*b",2]}`))
	f.Fuzz(func(t *testing.T, text, event []byte) {
		p, err := Compile(text)
		if err != nil {
			return
		}
		if v, err := document.Parse(event); err == nil {
			p.Match(v)
		}
	})
}
