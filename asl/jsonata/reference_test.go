package jsonata

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/dop251/goja"

	"millrace/asl/document"
)

// patience is how long the reference may take to answer; most answers take less
// than a millisecond.
const patience = 2 * time.Second

// reference evaluates with the JSONata reference, in goja, a JavaScript interpreter
// that is imported by this package's tests alone. It is not safe for concurrent use.
//
// The two answer alike in Node and in goja, but for what excused leaves out: goja
// matches regular expressions in characters, not in halves of surrogate pairs, its
// powers differ in the last digit, it gives more digits than are certain in bases
// other than ten, and padding to more than two million characters fails. Nothing
// that the reference uses is missing: it has no lookbehind and no Intl.
type reference struct {
	bundle, harness *goja.Program
	vm              *goja.Runtime
	answer          goja.Callable
}

// newReference is for the bundle in a file: jsonata.js of the npm package.
func newReference(file string) (*reference, error) {
	src, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := &reference{}
	r.bundle, err = goja.Compile(file, "(function (module, exports) {"+string(src)+"\n})", false)
	if err != nil {
		return nil, err
	}
	src, err = os.ReadFile("testdata/reference.js")
	if err != nil {
		return nil, err
	}
	r.harness, err = goja.Compile("reference.js", string(src), false)
	if err != nil {
		return nil, err
	}
	return r, r.start()
}

// start makes an interpreter that knows of nothing before.
func (r *reference) start() error {
	r.vm = goja.New()
	r.vm.SetMaxCallStackSize(20_000)
	harness, err := r.vm.RunProgram(r.harness)
	if err != nil {
		return err
	}
	made, err := invoke(harness, r.vm.ToValue(r.load))
	if err != nil {
		return err
	}
	answer, ok := goja.AssertFunction(made)
	if !ok {
		return errors.New("the harness makes no function")
	}
	r.answer = answer
	return nil
}

// load gives what the bundle exports.
func (r *reference) load() (goja.Value, error) {
	bundle, err := r.vm.RunProgram(r.bundle)
	if err != nil {
		return nil, err
	}
	module := r.vm.NewObject()
	exports := r.vm.NewObject()
	if err := module.Set("exports", exports); err != nil {
		return nil, err
	}
	if _, err := invoke(bundle, module, exports); err != nil {
		return nil, err
	}
	return module.Get("exports"), nil
}

func invoke(function goja.Value, args ...goja.Value) (goja.Value, error) {
	f, ok := goja.AssertFunction(function)
	if !ok {
		return nil, fmt.Errorf("%v is no function", function)
	}
	return f(goja.Undefined(), args...)
}

// ask returns what the reference says of an expression: its value, or in words
// what became of it. It is "hung" when there is no answer in time, or none ever,
// and "beside" when it ran out of stack; then it starts anew.
func (r *reference) ask(expr, input string) (value any, is string, err error) {
	timer := time.AfterFunc(patience, func() { r.vm.Interrupt("late") })
	v, err := r.answer(goja.Undefined(), r.vm.ToValue(expr), r.vm.ToValue(input))
	intime := timer.Stop()
	var overflow *goja.StackOverflowError
	switch {
	case !intime:
		return nil, "hung", r.start()
	case errors.As(err, &overflow):
		return nil, "beside", r.start()
	case err != nil:
		return nil, "", err
	}
	// The call ends when there is nothing left to do, so that a promise that is
	// not kept then never will be.
	p, ok := v.Export().(*goja.Promise)
	if !ok {
		return nil, "", fmt.Errorf("the harness answers %v", v)
	}
	switch p.State() {
	case goja.PromiseStatePending:
		return nil, "hung", r.start()
	case goja.PromiseStateRejected:
		return nil, "", fmt.Errorf("the harness fails: %v", p.Result())
	}
	text := p.Result().String()
	doc, err := document.Parse([]byte(text))
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", text, err)
	}
	o := doc.(*document.Object)
	if s, ok := o.Get("is"); ok {
		return nil, s.(string), nil
	}
	value, _ = o.Get("value")
	return value, "", nil
}
