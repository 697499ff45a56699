package function

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"millrace/integrations/function/runtime"
)

// reserved are the variables that a function may not set.
var reserved = map[string]bool{
	"_HANDLER": true, "_X_AMZN_TRACE_ID": true, "AWS_DEFAULT_REGION": true, "AWS_REGION": true, "AWS_EXECUTION_ENV": true,
	"AWS_LAMBDA_FUNCTION_NAME": true, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": true, "AWS_LAMBDA_FUNCTION_VERSION": true,
	"AWS_LAMBDA_INITIALIZATION_TYPE": true, "AWS_LAMBDA_LOG_GROUP_NAME": true, "AWS_LAMBDA_LOG_STREAM_NAME": true, "AWS_ACCESS_KEY": true,
	"AWS_ACCESS_KEY_ID": true, "AWS_SECRET_ACCESS_KEY": true, "AWS_SESSION_TOKEN": true, "AWS_LAMBDA_RUNTIME_API": true,
	"LAMBDA_TASK_ROOT": true, "LAMBDA_RUNTIME_DIR": true,
}

// startError is why a process could not be started, as a function error.
type startError struct{ kind, message string }

func (e *startError) Error() string { return e.message }

// command makes the command that runs a function as a client of the Runtime API at api.
func (s *Service) command(ctx context.Context, f *function, api string) (*exec.Cmd, error) {
	root, err := s.unpacked(ctx, f)
	if err != nil {
		return nil, err
	}
	scripts := filepath.Join(s.scratch, "runtime")
	var cmd *exec.Cmd
	var env []string
	switch kind(f.Runtime) {
	case "node":
		cmd, err = interpreter("Node.js", f.Runtime, "node")
		if err == nil {
			cmd.Args = append(cmd.Args, filepath.Join(scripts, "bootstrap.js"))
			env = append(env, "NODE_PATH="+filepath.Join(root, "node_modules"))
		}
	case "python":
		cmd, err = interpreter("Python", f.Runtime, "python3", "python")
		if err == nil {
			cmd.Args = append(cmd.Args, "-u", filepath.Join(scripts, "bootstrap.py"))
			env = append(env, "PYTHONPATH="+root)
		}
	default:
		cmd, env, err = s.provided(f, root)
	}
	if err != nil {
		return nil, err
	}
	cmd.Dir = root
	cmd.Env = append(s.environment(f, root, api), env...)
	return cmd, nil
}

func interpreter(name, runtime string, candidates ...string) (*exec.Cmd, error) {
	for _, c := range candidates {
		path, err := exec.LookPath(c)
		if err == nil {
			return &exec.Cmd{Path: path, Args: []string{path}}, nil
		}
	}
	return nil, &startError{"Runtime.InvalidEntrypoint", fmt.Sprintf("the runtime %s needs %s, and there is no %s in PATH: install it, or use a provided.* runtime",
		runtime, name, strings.Join(candidates, " or "))}
}

// provided runs the code's bootstrap, or else the program that is known by the handler's name.
func (s *Service) provided(f *function, root string) (*exec.Cmd, []string, error) {
	boot := filepath.Join(root, "bootstrap")
	if f.code != "" || f.Folder != "" {
		if info, err := os.Stat(boot); err == nil && info.Mode().IsRegular() {
			return &exec.Cmd{Path: boot, Args: []string{boot}}, nil, nil
		}
	}
	p, ok := s.o.Programs[f.Handler]
	if !ok {
		return nil, nil, &startError{"Runtime.InvalidEntrypoint", fmt.Sprintf("Couldn't find valid bootstrap(s): the code of %s has no file bootstrap, and no program is known by its handler's name %q",
			f.FunctionName, f.Handler)}
	}
	path := p.Path
	if path == "" {
		var err error
		if path, err = os.Executable(); err != nil {
			return nil, nil, fmt.Errorf("find the running program: %w", err)
		}
	}
	return &exec.Cmd{Path: path, Args: append([]string{path}, p.Args...)}, p.Env, nil
}

// environment is what every function finds in its environment, and then its own variables.
//
// Source: "Defined runtime environment variables" of the AWS Lambda developer guide.
func (s *Service) environment(f *function, root, api string) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(s.scratch, "home"), "LANG=en_US.UTF-8", "TZ=:UTC",
		"AWS_REGION=" + s.host.Region(), "AWS_DEFAULT_REGION=" + s.host.Region(),
		"AWS_ACCESS_KEY_ID=" + s.host.Account(), "AWS_SECRET_ACCESS_KEY=local", "AWS_SESSION_TOKEN=local",
		"AWS_EXECUTION_ENV=AWS_Lambda_" + f.Runtime, "AWS_LAMBDA_FUNCTION_NAME=" + f.FunctionName,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(f.MemorySize), "AWS_LAMBDA_FUNCTION_VERSION=" + latest,
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand", "AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + f.FunctionName,
		"AWS_LAMBDA_LOG_STREAM_NAME=local", "_HANDLER=" + f.Handler, "LAMBDA_TASK_ROOT=" + root,
		"LAMBDA_RUNTIME_DIR=" + filepath.Join(s.scratch, "runtime"), runtime.Variable + "=" + api,
	}
	if tmp := os.Getenv("TMPDIR"); tmp != "" {
		env = append(env, "TMPDIR="+tmp)
	}
	if s.o.Endpoint != "" {
		env = append(env, "AWS_ENDPOINT_URL="+s.o.Endpoint)
	}
	if f.Environment != nil {
		for name, value := range f.Environment.Variables {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// start starts a process for a function.
func (s *Service) start(ctx context.Context, f *function) (*instance, error) {
	i, err := newInstance(f, s.o.Log)
	if err != nil {
		return nil, err
	}
	cmd, err := s.command(ctx, f, i.address())
	if err == nil {
		err = i.launch(cmd)
	}
	if err != nil {
		i.close()
		if e := (*exec.Error)(nil); errors.As(err, &e) || errors.Is(err, os.ErrPermission) || errors.Is(err, os.ErrNotExist) {
			return nil, &startError{"Runtime.InvalidEntrypoint", err.Error()}
		}
		return nil, err
	}
	return i, nil
}
