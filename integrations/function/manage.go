package function

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"millrace/engine"
	"millrace/tasks"
)

// table is the service's operations.
func (s *Service) table() *tasks.Service {
	return &tasks.Service{
		Name: "lambda", SDKName: "Lambda", Title: "Lambda", JavaName: "AWSLambda",
		Operations: []tasks.Operation{
			{Name: "CreateFunction", Wait: s.createFunction},
			{Name: "GetFunction", Read: s.getFunction},
			{Name: "GetFunctionConfiguration", Read: s.getConfiguration},
			{Name: "ListFunctions", Read: s.listFunctions},
			{Name: "UpdateFunctionCode", Wait: s.updateCode},
			{Name: "UpdateFunctionConfiguration", Write: s.updateConfiguration, Keys: keys},
			{Name: "DeleteFunction", Write: s.deleteFunction, Keys: keys},
			{Name: "Invoke", Wait: s.invoke, Lost: engine.Repeat},
		},
	}
}

// named is what most operations' inputs begin with.
type named struct {
	FunctionName string `json:"FunctionName"`
	Qualifier    string `json:"Qualifier"`
}

func keys(in json.RawMessage) []string {
	var n named
	if tasks.Decode(in, &n) != nil {
		return nil // the operation fails the same way, before it writes
	}
	ref, err := parseName(n.FunctionName)
	if err != nil {
		return nil
	}
	return unitKeys(ref.name)
}

func unitKeys(name string) []string { return []string{"function/" + name} }

// codeInput says where code comes from: one of a zip file, an object and a folder
// on the machine, which is used as it is.
type codeInput struct {
	ZipFile         []byte `json:"ZipFile"`
	S3Bucket        string `json:"S3Bucket"`
	S3Key           string `json:"S3Key"`
	S3ObjectVersion string `json:"S3ObjectVersion"`
	ImageURI        string `json:"ImageUri"`
	Folder          string `json:"Folder"`
}

// load returns the zip file, or the folder.
func (s *Service) load(ctx context.Context, c codeInput) (zip []byte, folder string, err error) {
	switch {
	case c.ImageURI != "":
		return nil, "", invalid("ImageUri is not supported here: ZipFile, S3Bucket with S3Key, and Folder are.")
	case c.Folder != "":
		if !filepath.IsAbs(c.Folder) {
			return nil, "", invalid("Folder %s: an absolute path belongs here.", short(c.Folder))
		}
		if info, err := os.Stat(c.Folder); err != nil || !info.IsDir() {
			return nil, "", invalid("Folder %s: there is no such folder.", short(c.Folder))
		}
		return nil, filepath.Clean(c.Folder), nil
	case c.S3Bucket != "":
		if s.o.Object == nil || c.S3ObjectVersion != "" {
			return nil, "", invalid("Code from an object store, or from a version of an object, is not supported here: ZipFile is.")
		}
		if zip, err = s.o.Object(ctx, c.S3Bucket, c.S3Key); err != nil {
			if e, ok := err.(*tasks.Error); ok {
				return nil, "", invalid("Error occurred while GetObject. S3 Error Code: %s. S3 Error Message: %s", e.Code, e.Message)
			}
			return nil, "", err
		}
	case c.ZipFile == nil:
		return nil, "", invalid("Please provide a source for function code.")
	default:
		zip = c.ZipFile
	}
	return zip, "", checkZip(zip)
}

type createInput struct {
	named
	Runtime       string            `json:"Runtime"`
	Role          string            `json:"Role"`
	Handler       string            `json:"Handler"`
	Code          codeInput         `json:"Code"`
	Description   string            `json:"Description"`
	Timeout       *int              `json:"Timeout"`
	MemorySize    *int              `json:"MemorySize"`
	Publish       bool              `json:"Publish"`
	Environment   *Environment      `json:"Environment"`
	PackageType   string            `json:"PackageType"`
	Architectures []string          `json:"Architectures"`
	Layers        []string          `json:"Layers"`
	Tags          map[string]string `json:"Tags"`
}

func (s *Service) createFunction(ctx context.Context, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p createInput
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	ref, err := parseName(p.FunctionName)
	if err != nil {
		return nil, err
	}
	if p.Publish || len(p.Layers) > 0 {
		return nil, invalid("Publish and Layers are not supported here: a function has the version %s only.", latest)
	}
	f := &function{Configuration: Configuration{
		FunctionName: ref.name, FunctionArn: s.arn(ref.name), Runtime: p.Runtime, Role: p.Role, Handler: p.Handler, Description: p.Description,
		Timeout: 3, MemorySize: 128, Environment: p.Environment, PackageType: "Zip", Architectures: p.Architectures,
	}}
	if p.Timeout != nil {
		f.Timeout = *p.Timeout
	}
	if p.MemorySize != nil {
		f.MemorySize = *p.MemorySize
	}
	if p.PackageType != "" {
		f.PackageType = p.PackageType
	}
	if len(f.Architectures) == 0 {
		f.Architectures = []string{"x86_64"}
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	zip, folder, err := s.load(ctx, p.Code)
	if err != nil {
		return nil, err
	}
	f.Folder = folder
	revision := uuid.NewString()
	err = s.host.Do(ctx, unitKeys(f.FunctionName), func(tx engine.Tx) error {
		old, err := functionOf(tx, f.FunctionName)
		if err != nil {
			return err
		}
		if old != nil {
			return &tasks.Error{Code: "ResourceConflictException", Message: "Function already exist: " + f.FunctionName, Status: http.StatusConflict,
				Fields: map[string]any{"Type": "User"}}
		}
		if err := keep(tx, f, zip); err != nil {
			return err
		}
		f.stamp(tx.Now(), revision)
		f.created = f.modified
		return storeFunction(tx, f)
	})
	if err != nil {
		return nil, err
	}
	return f.Configuration, nil
}

// keep stores a function's zip file; nil is none.
func keep(tx engine.Tx, f *function, zip []byte) error {
	if zip == nil {
		f.setCode("", 0)
		return nil
	}
	sum := sha256.Sum256(zip)
	f.setCode(hex.EncodeToString(sum[:]), int64(len(zip)))
	return write(tx, insertCode, f.code, len(zip), zip)
}

// stored finds the function that a management operation names.
func (s *Service) stored(r engine.Reader, n named) (*function, error) {
	ref, err := parseName(n.FunctionName)
	if err != nil {
		return nil, err
	}
	if n.Qualifier != "" {
		ref.qualifier = n.Qualifier
	}
	if ref.qualifier != "" && ref.qualifier != latest {
		return nil, s.notFound(ref.name, ref.qualifier)
	}
	f, err := functionOf(r, ref.name)
	if err != nil {
		return nil, err
	}
	if f == nil && s.o.Handlers[ref.name] != nil {
		f = s.unmade(ref.name)
	}
	if f == nil {
		return nil, s.notFound(ref.name, ref.qualifier)
	}
	return f, nil
}

func (s *Service) getFunction(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p named
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	f, err := s.stored(r, p)
	if err != nil {
		return nil, err
	}
	var out struct {
		Configuration Configuration `json:"Configuration"`
		Code          struct {
			RepositoryType string `json:"RepositoryType"`
		} `json:"Code"`
	}
	out.Configuration, out.Code.RepositoryType = f.Configuration, "S3"
	return out, nil
}

func (s *Service) getConfiguration(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p named
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	f, err := s.stored(r, p)
	if err != nil {
		return nil, err
	}
	return f.Configuration, nil
}

func (s *Service) listFunctions(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	p := struct {
		Marker   string `json:"Marker"`
		MaxItems int    `json:"MaxItems"`
	}{MaxItems: 50}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	if p.MaxItems < 1 || p.MaxItems > 10000 {
		return nil, outOfRange(p.MaxItems, "maxItems", "value between 1 and 10000")
	}
	all, err := functions(r, listFunctions, p.Marker, p.MaxItems+1)
	if err != nil {
		return nil, err
	}
	out := struct {
		Functions  []Configuration `json:"Functions"`
		NextMarker string          `json:"NextMarker,omitempty"`
	}{Functions: []Configuration{}}
	for i, f := range all {
		if i == p.MaxItems {
			out.NextMarker = all[i-1].FunctionName
			break
		}
		out.Functions = append(out.Functions, f.Configuration)
	}
	return out, nil
}

// change loads a function, applies f and stores it.
func (s *Service) change(tx engine.Tx, n named, expected, revision string, apply func(*function) error) (*function, error) {
	f, err := s.stored(tx, n)
	if err != nil {
		return nil, err
	}
	if f.Runtime == inProcess {
		return nil, invalid("Function %s is built into this program and cannot be changed.", f.FunctionName)
	}
	if expected != "" && expected != f.RevisionID {
		return nil, &tasks.Error{Code: "PreconditionFailedException", Status: http.StatusPreconditionFailed, Fields: map[string]any{"Type": "User"},
			Message: "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"}
	}
	old := f.code
	if err := apply(f); err != nil {
		return nil, err
	}
	f.stamp(tx.Now(), revision)
	if err := storeFunction(tx, f); err != nil {
		return nil, err
	}
	if old != f.code {
		if err := releaseCode(tx, old); err != nil {
			return nil, err
		}
	}
	tx.AfterCommit(func() { s.pool.drop(f.FunctionName) })
	return f, nil
}

func (s *Service) updateCode(ctx context.Context, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p struct {
		named
		codeInput
		Publish    bool   `json:"Publish"`
		DryRun     bool   `json:"DryRun"`
		RevisionID string `json:"RevisionId"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	if p.Publish || p.DryRun {
		return nil, invalid("Publish and DryRun are not supported here: a function has the version %s only.", latest)
	}
	ref, err := parseName(p.FunctionName)
	if err != nil {
		return nil, err
	}
	zip, folder, err := s.load(ctx, p.codeInput)
	if err != nil {
		return nil, err
	}
	var f *function
	revision := uuid.NewString()
	err = s.host.Do(ctx, unitKeys(ref.name), func(tx engine.Tx) (err error) {
		f, err = s.change(tx, p.named, p.RevisionID, revision, func(f *function) error {
			f.Folder = folder
			return keep(tx, f, zip)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return f.Configuration, nil
}

func (s *Service) updateConfiguration(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p struct {
		named
		Runtime     *string      `json:"Runtime"`
		Role        *string      `json:"Role"`
		Handler     *string      `json:"Handler"`
		Description *string      `json:"Description"`
		Timeout     *int         `json:"Timeout"`
		MemorySize  *int         `json:"MemorySize"`
		Environment *Environment `json:"Environment"`
		RevisionID  string       `json:"RevisionId"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	f, err := s.change(tx, p.named, p.RevisionID, uuid.NewString(), func(f *function) error {
		for _, m := range []struct{ to, from *string }{{&f.Runtime, p.Runtime}, {&f.Role, p.Role}, {&f.Handler, p.Handler}, {&f.Description, p.Description}} {
			if m.from != nil {
				*m.to = *m.from
			}
		}
		if p.Timeout != nil {
			f.Timeout = *p.Timeout
		}
		if p.MemorySize != nil {
			f.MemorySize = *p.MemorySize
		}
		if p.Environment != nil {
			f.Environment = p.Environment
		}
		return f.check()
	})
	if err != nil {
		return nil, err
	}
	return f.Configuration, nil
}

func (s *Service) deleteFunction(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p named
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	f, err := s.stored(tx, p)
	if err != nil {
		return nil, err
	}
	if err := write(tx, dropFunction, f.FunctionName); err != nil {
		return nil, err
	}
	if err := releaseCode(tx, f.code); err != nil {
		return nil, err
	}
	tx.AfterCommit(func() { s.pool.drop(f.FunctionName) })
	return nil, nil
}
