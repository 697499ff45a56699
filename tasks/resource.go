package tasks

import "strings"

// Resource is a task state's resource, taken apart.
type Resource struct {
	Text      string
	Partition string // aws, aws-cn, aws-us-gov
	Region    string // of functions and activities
	Account   string

	// Service and Action name an operation, spelled as in the ARN: sqs and
	// sendMessage. SDK says that the ARN is an aws-sdk one.
	Service, Action string
	SDK             bool
	Suffix          Suffix

	Function  string // the name of a function
	Qualifier string // a function's version or alias; "": none
	Activity  string // the name of an activity
}

// Suffix is the part of a service integration's ARN that says what to wait for.
type Suffix byte

// The suffixes.
const (
	NoSuffix  Suffix = iota
	Sync             // .sync
	Sync2            // .sync:2
	TaskToken        // .waitForTaskToken
)

// ParseResource takes a resource apart. Its errors say what is wrong with it;
// whether there is such an operation, function or activity is not its question.
//
// Source: "Resource" of Task states and "Integrating services" of the AWS Step
// Functions developer guide.
func ParseResource(text string) (Resource, error) {
	r := Resource{Text: text}
	p := strings.SplitN(text, ":", 6)
	if len(p) != 6 || p[0] != "arn" || p[1] == "" || p[5] == "" {
		return r, notRecognized(text)
	}
	r.Partition, r.Region, r.Account = p[1], p[3], p[4]
	kind, name, named := strings.Cut(p[5], ":")
	switch {
	case !named || name == "":
		return r, notRecognized(text)
	case p[2] == "lambda" && kind == "function":
		r.Service = "lambda"
		r.Function, r.Qualifier, _ = strings.Cut(name, ":")
	case p[2] == "states" && kind == "activity" && r.Region != "":
		r.Activity = name
	case p[2] == "states" && r.Region == "" && r.Account == "":
		return r.integration(kind, name)
	default:
		return r, notRecognized(text)
	}
	return r, nil
}

// integration reads what follows arn:aws:states:::.
func (r Resource) integration(service, action string) (Resource, error) {
	if service == "aws-sdk" {
		r.SDK = true
		var ok bool
		if service, action, ok = strings.Cut(action, ":"); !ok {
			return r, notRecognized(r.Text)
		}
	}
	action, suffix, _ := strings.Cut(action, ".")
	switch suffix {
	case "":
	case "sync":
		r.Suffix = Sync
	case "sync:2":
		r.Suffix = Sync2
	case "waitForTaskToken":
		r.Suffix = TaskToken
	default:
		return r, notRecognized(r.Text)
	}
	if service == "" || action == "" || action[0] < 'a' || action[0] > 'z' || strings.Contains(action, ":") {
		return r, notRecognized(r.Text)
	}
	r.Service, r.Action = service, action
	return r, nil
}

// resourceError is a cause that people read, in AWS's words.
type resourceError string

func (e resourceError) Error() string { return string(e) }

func notRecognized(text string) error {
	return resourceError("The resource provided " + text + " is not recognized. The value is not a valid resource ARN, or the resource is not available in this region.")
}
