package trail

import (
	"encoding/xml"
	"io"
	"maps"
	"slices"
	"strings"

	"millrace/asl/document"
	"millrace/engine"
	"millrace/tasks"
)

// Change is one change of the object store: what its observer is told, member by
// member, so that the one converts to the other.
type Change struct {
	Operation  string // as the API spells it: PutObject, DeleteBucket, ...
	Bucket     string
	Key        string            // "": the bucket itself changed
	Size       int64             // of the object written, in bytes
	ETag       string            // of the object written, without quotes
	Parameters map[string]string // further request parameters: uploadId, policy (JSON), website (XML)
	Caller     tasks.Caller
}

// logWriter is the source of the calls that write log files. They are not
// recorded: each record of one would be followed by another log file.
const logWriter = "cloudtrail.amazonaws.com"

// Changed records a change of the object store in its unit.
func (s *Service) Changed(tx engine.Tx, c Change) error {
	if c.Caller.Source == logWriter {
		return nil
	}
	bucket := resource{"AWS::S3::Bucket", "arn:aws:s3:::" + c.Bucket, c.Bucket}
	k := &call{source: "s3.amazonaws.com", name: eventName(c.Operation), caller: c.Caller, resources: []resource{bucket},
		parameters: object("bucketName", c.Bucket, "Host", c.Bucket+".s3."+s.host.Region()+".amazonaws.com")}
	if c.Key != "" {
		k.data = true
		k.parameters.Set("key", c.Key)
		k.additional = object("bytesTransferredIn", document.Int(c.Size))
		k.resources = []resource{{"AWS::S3::Object", bucket.arn + "/" + c.Key, c.Key}, bucket}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Parameters)) {
		parameter(k.parameters, name, c.Parameters[name])
	}
	return s.record(tx, k)
}

// eventName is an operation's name in records, which is not always the API's.
func eventName(operation string) string {
	switch operation {
	case "PutPublicAccessBlock":
		return "PutBucketPublicAccessBlock"
	case "DeletePublicAccessBlock":
		return "DeleteBucketPublicAccessBlock"
	}
	return operation
}

// configurations are the sub-resources of buckets whose text is a parameter.
var configurations = map[string]bool{"website": true, "cors": true, "tagging": true, "publicAccessBlock": true, "ownershipControls": true}

// maxParameter is how long a sub-resource's text may be to be in a record, in bytes.
const maxParameter = 100 << 10

// parameter adds a request parameter. A sub-resource is a parameter of the
// query, which has no value, and a body, which becomes JSON.
func parameter(to *document.Object, name, value string) {
	switch {
	case name == "policy":
		if v, err := document.Parse([]byte(value)); err == nil && len(value) <= maxParameter {
			to.Set("bucketPolicy", v)
		}
		value = ""
	case configurations[name]:
		if root, v, ok := fromXML(value); ok {
			to.Set(root, v)
		}
		value = ""
	}
	to.Set(name, value)
}

// maxDepth is how deeply XML may nest to be in a record.
const maxDepth = 32

// fromXML reads an XML document as records show it: elements are members, those
// of one name a list, attributes members too, and an element without either its text.
func fromXML(text string) (root string, v any, ok bool) {
	if len(text) > maxParameter {
		return "", nil, false
	}
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if err != nil {
			return "", nil, false
		}
		if start, is := token.(xml.StartElement); is {
			v, err := element(d, start, 0)
			return start.Name.Local, v, err == nil
		}
	}
}

func element(d *xml.Decoder, start xml.StartElement, depth int) (any, error) {
	if depth > maxDepth {
		return nil, io.ErrUnexpectedEOF
	}
	o := object()
	for _, a := range start.Attr {
		o.Set(a.Name.Local, a.Value)
	}
	var text strings.Builder
	for {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			v, err := element(d, token, depth+1)
			if err != nil {
				return nil, err
			}
			appendMember(o, token.Name.Local, v)
		case xml.CharData:
			text.Write(token)
		case xml.EndElement:
			if o.Len() == 0 {
				return text.String(), nil
			}
			return o, nil
		}
	}
}

// appendMember adds a member; those of one name become a list.
func appendMember(o *document.Object, name string, v any) {
	old, there := o.Get(name)
	if list, is := old.([]any); is {
		v = append(list, v)
	} else if there {
		v = []any{old, v}
	}
	o.Set(name, v)
}
