package function

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"millrace/tasks"
)

// latest is the only version.
const latest = "$LATEST"

// Configuration is FunctionConfiguration of the Lambda API.
type Configuration struct {
	FunctionName     string       `json:"FunctionName"`
	FunctionArn      string       `json:"FunctionArn"`
	Runtime          string       `json:"Runtime,omitempty"`
	Role             string       `json:"Role,omitempty"`
	Handler          string       `json:"Handler,omitempty"`
	CodeSize         int64        `json:"CodeSize"`
	Description      string       `json:"Description"`
	Timeout          int          `json:"Timeout"`    // seconds
	MemorySize       int          `json:"MemorySize"` // MB; told to the function, not enforced
	LastModified     string       `json:"LastModified"`
	CodeSha256       string       `json:"CodeSha256"` // base64
	Version          string       `json:"Version"`
	Environment      *Environment `json:"Environment,omitempty"`
	RevisionID       string       `json:"RevisionId"`
	State            string       `json:"State"`
	LastUpdateStatus string       `json:"LastUpdateStatus"`
	PackageType      string       `json:"PackageType"`
	Architectures    []string     `json:"Architectures,omitempty"`
	Folder           string       `json:"Folder,omitempty"` // of code that is not packed
}

// Environment holds the variables that a function adds to its environment.
type Environment struct {
	Variables map[string]string `json:"Variables"`
}

// function is a stored function.
type function struct {
	Configuration
	code     string // SHA-256 of its zip file in hexadecimal; "": none
	created  time.Time
	modified time.Time
}

func (f *function) timeout() time.Duration { return time.Duration(f.Timeout) * time.Second }

// The limits of Lambda.
const (
	maxZip     = 50 << 20  // bytes of a zip file
	maxUnpack  = 250 << 20 // bytes of what is in it
	maxPayload = 6 << 20   // bytes of an event and of an answer
	maxAsync   = 1 << 20   // bytes of an event that nobody waits for
	maxEnv     = 4 << 10   // bytes of the variables
)

var (
	namePattern     = regexp.MustCompile(`^[a-zA-Z0-9-_]{1,64}$`)
	variablePattern = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]+$`)
	rolePattern     = regexp.MustCompile(`^arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$`)
)

// reference is a function as a request names it: a name, a partial or a full ARN,
// each perhaps with a qualifier.
type reference struct {
	name      string
	qualifier string // "": none
	arn       string // as given, when it was a full ARN
}

// parseName reads a function's name, ACCOUNT:function:NAME, function:NAME or ARN.
func parseName(s string) (reference, error) {
	var r reference
	rest := s
	if strings.HasPrefix(s, "arn:") {
		parts := strings.SplitN(s, ":", 7)
		if len(parts) < 7 || parts[2] != "lambda" || parts[5] != "function" {
			return r, invalidName(s)
		}
		r.arn, rest = s, parts[6]
	} else if i := strings.Index(s, "function:"); i >= 0 {
		rest = s[i+len("function:"):]
	}
	r.name, r.qualifier, _ = strings.Cut(rest, ":")
	if !namePattern.MatchString(r.name) {
		return r, invalidName(s)
	}
	return r, nil
}

func invalidName(s string) error {
	return tasks.Errorf("ValidationException", "1 validation error detected: Value '%s' at 'functionName' failed to satisfy constraint: "+
		`Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`, short(s))
}

// arn is the ARN of a function of this service.
func (s *Service) arn(name string) string {
	return fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", s.host.Region(), s.host.Account(), name)
}

// notFound is the error of a function that is not there; qualifier "" is one
// without a version, as the management operations name it.
func (s *Service) notFound(name, qualifier string) error {
	arn := s.arn(name)
	if qualifier != "" {
		arn += ":" + qualifier
	}
	return &tasks.Error{Code: "ResourceNotFoundException", Message: "Function not found: " + arn, Status: http.StatusNotFound,
		Fields: map[string]any{"Type": "User"}}
}

func invalid(format string, args ...any) error {
	e := tasks.Errorf("InvalidParameterValueException", format, args...)
	e.Fields = map[string]any{"Type": "User"}
	return e
}

func outOfRange(value int, member, constraint string) error {
	return tasks.Errorf("ValidationException", "1 validation error detected: Value '%d' at '%s' failed to satisfy constraint: Member must have %s", value, member, constraint)
}

// kind tells the runtimes apart by how their code is run.
func kind(runtime string) string {
	switch {
	case runtime == "provided" || strings.HasPrefix(runtime, "provided."):
		return "provided"
	case strings.HasPrefix(runtime, "nodejs"):
		return "node"
	case strings.HasPrefix(runtime, "python"):
		return "python"
	}
	return ""
}

// check says what of a configuration is wrong.
func (c *Configuration) check() error {
	switch {
	case c.PackageType != "Zip":
		return invalid("PackageType %s is not supported here: Zip is.", short(c.PackageType))
	case kind(c.Runtime) == "":
		return invalid("The runtime parameter of %s is not supported here: provided.*, nodejs* and python* are.", short(c.Runtime))
	case c.Handler == "" && kind(c.Runtime) != "provided":
		return invalid("Handler is required: the file and the function to call, such as index.handler.")
	case len(c.Handler) > 128 || strings.ContainsAny(c.Handler, " \t\r\n\x00"):
		return invalid("Handler %s: at most 128 characters without white space belong here.", short(c.Handler))
	case c.Role != "" && !rolePattern.MatchString(c.Role):
		return tasks.Errorf("ValidationException", "1 validation error detected: Value '%s' at 'role' failed to satisfy constraint: "+
			`Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`, short(c.Role))
	case c.Timeout < 1:
		return outOfRange(c.Timeout, "timeout", "value greater than or equal to 1")
	case c.Timeout > 900:
		return outOfRange(c.Timeout, "timeout", "value less than or equal to 900")
	case c.MemorySize < 128:
		return outOfRange(c.MemorySize, "memorySize", "value greater than or equal to 128")
	case c.MemorySize > 10240:
		return outOfRange(c.MemorySize, "memorySize", "value less than or equal to 10240")
	case len(c.Description) > 256:
		return outOfRange(len(c.Description), "description", "length less than or equal to 256")
	case c.Environment != nil:
		return c.Environment.check()
	}
	return nil
}

func (e *Environment) check() error {
	size := 0
	for name, value := range e.Variables {
		if !variablePattern.MatchString(name) {
			return invalid("Lambda was unable to configure your environment variables because the environment variables you have provided "+
				"contains invalid names: %s. Letters, digits and underscores belong there, a letter first.", short(name))
		}
		if strings.ContainsRune(value, 0) {
			return invalid("Lambda was unable to configure your environment variables because the value of %s has a character that no environment can hold, U+0000.", name)
		}
		if reserved[name] {
			return invalid("Lambda was unable to configure your environment variables because the environment variables you have provided "+
				"contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s", name)
		}
		size += len(name) + len(value)
	}
	if size > maxEnv {
		return invalid("Lambda was unable to configure your environment variables because the environment variables you have provided "+
			"exceeded the %dKB limit.", maxEnv>>10)
	}
	return nil
}

// stamp sets what changes with every change of a function.
func (f *function) stamp(now time.Time, revision string) {
	f.modified, f.RevisionID = now, revision
	f.LastModified = now.UTC().Format("2006-01-02T15:04:05.000+0000")
	f.State, f.LastUpdateStatus, f.Version = "Active", "Successful", latest
}

// setCode names the function's code and its size.
func (f *function) setCode(sha string, size int64) {
	f.code, f.CodeSize = sha, size
	b, _ := hex.DecodeString(sha) // made by us
	f.CodeSha256 = base64.StdEncoding.EncodeToString(b)
}

func short(s string) string {
	if len(s) > 140 {
		return s[:140] + "..."
	}
	return s
}
