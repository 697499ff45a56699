// Package asl reads state machine definitions written in the Amazon States
// Language: it parses them into a typed, immutable tree in which every path,
// payload template and expression is compiled, and reports every fault it finds
// with its JSON pointer, line and column.
//
// The package knows no engine, no clock and no I/O.
//
// Source: the Amazon States Language specification (states-language.net) and the
// AWS Step Functions developer guide.
package asl

import (
	"maps"
	"slices"
	"time"

	"millrace/asl/document"
	"millrace/asl/jsonpath"
)

// QueryLanguage is the language of a state's expressions.
type QueryLanguage string

// The query languages. JSONPath is the default of a machine that names none.
const (
	JSONPath QueryLanguage = "JSONPath"
	JSONata  QueryLanguage = "JSONata"
)

// Machine is a valid state machine. It is immutable and safe to share; nothing
// that an execution learns is kept in it.
type Machine struct {
	Block
	QueryLanguage  QueryLanguage
	TimeoutSeconds int64 // 0: none
	byPointer      map[string]State
	references     map[string]map[string]bool // state name: variables
}

// State returns the state at a JSON pointer into the definition, as found in
// [Base.Pointer], or nil.
func (m *Machine) State(pointer string) State { return m.byPointer[pointer] }

// VariableReferences returns the variables that each state refers to, sorted, by
// the state's name. States that refer to none are left out.
func (m *Machine) VariableReferences() map[string][]string {
	all := make(map[string][]string, len(m.references))
	for state, variables := range m.references {
		all[state] = slices.Sorted(maps.Keys(variables))
	}
	return all
}

// Block is a set of states with an entry: the machine itself, a Parallel
// branch, or a Map's item processor.
type Block struct {
	Comment string
	StartAt string
	States  map[string]State
	Names   []string // in the definition's order
}

// State is one of *Pass, *Task, *Choice, *Wait, *Succeed, *Fail, *Parallel and *Map.
type State interface {
	Common() *Base
	state()
}

// Base holds the fields that several state types share. A field that a type
// does not have is its zero value.
type Base struct {
	Name     string
	Type     string // "Pass", "Task", ...
	Pointer  string // JSON pointer of the state in the definition: /States/A/Branches/0/States/B
	Comment  string
	Language QueryLanguage

	InputPath  Field // JSONPath; nil: absent, the whole input. Evaluates to {} when the definition says null
	OutputPath Field // JSONPath; nil: absent
	Output     Field // JSONata; nil: absent
	Assign     []Assignment

	Next string // "" where End is set, and in Choice, Succeed and Fail
	End  bool
}

// Common returns b.
func (b *Base) Common() *Base { return b }

// Assignment gives a variable a value. All of a state's assignments are
// evaluated before any takes effect.
type Assignment struct {
	Variable string
	Value    Field
}

// Field is the compiled value of a state's field: a constant, a path, a payload
// template, or a JSONata expression or template.
type Field interface {
	// Eval computes the field. Its error is always an *Error. The document that
	// the path "$" yields is env.Input itself, so that passing a document on
	// unchanged can be told by its pointer.
	Eval(env *Env) (*document.Doc, error)
	// Constant returns the field's value when no evaluation is needed.
	Constant() (*document.Doc, bool)
	// Source returns the field as the definition has it: the text of a path or
	// expression, the JSON text of anything else.
	Source() string
}

// Env is what evaluation may look at.
type Env struct {
	Input       *document.Doc                           // $ of JSONPath, $states.input
	Result      *document.Doc                           // $states.result; nil: none here
	ErrorOutput *document.Doc                           // $states.errorOutput; nil: none here
	Context     func(member string) *document.Doc       // the context object, $$ and $states.context, or what of it is the named member; made when asked for
	Variable    func(name string) (*document.Doc, bool) // the state's visible variables
	Draw        func() uint64                           // the execution's next random draw, deterministic
	Now         time.Time                               // what $now() of JSONata tells
}

// Error is a workflow error that evaluation ended with.
type Error struct {
	Name     string // such as States.ParameterPathFailure, States.IntrinsicFailure, States.Runtime, States.QueryEvaluationError
	Cause    string // AWS's text, without the leading "An error occurred while executing the state ..."
	Location string // the field, as EvaluationFailed reports it: "Output/result", "Arguments/FunctionName"; "" where AWS gives none
}

func (e *Error) Error() string { return e.Name + ": " + e.Cause }

// ResultPath says where a result goes into the state's input.
type ResultPath struct {
	Discard bool                // ResultPath: null
	Path    *jsonpath.Reference // nil with Discard
}

// Retrier is one entry of Retry.
type Retrier struct {
	ErrorEquals     []string
	IntervalSeconds int64   // default 1
	MaxAttempts     int64   // default 3; 0: never
	BackoffRate     float64 // default 2.0
	MaxDelaySeconds int64   // 0: no cap
	FullJitter      bool    // JitterStrategy FULL
}

// Catcher is one entry of Catch.
type Catcher struct {
	ErrorEquals []string
	Next        string
	ResultPath  *ResultPath // JSONPath; nil: "$"
	Output      Field       // JSONata; nil: absent
	Assign      []Assignment
}

// Pass is the Pass state.
type Pass struct {
	Base
	Parameters Field         // JSONPath; nil: absent
	Result     *document.Doc // JSONPath; nil: absent
	ResultPath *ResultPath   // nil: "$"
}

// Task is the Task state.
type Task struct {
	Base
	Resource             string
	Parameters           Field // Parameters of JSONPath, Arguments of JSONata; nil: absent
	ResultSelector       Field
	ResultPath           *ResultPath
	TimeoutSeconds       Field // nil: none given
	TimeoutSecondsPath   Field
	HeartbeatSeconds     Field
	HeartbeatSecondsPath Field
	Credentials          Field
	Retry                []Retrier
	Catch                []Catcher
}

// Choice is the Choice state. Base.Assign and Base.Output hold for Default only.
type Choice struct {
	Base
	Rules   []Rule
	Default string // "": none
}

// Rule is one choice rule.
type Rule struct {
	Test   Test
	Next   string
	Output Field // JSONata; nil: absent
	Assign []Assignment
}

// Test decides whether a choice rule matches.
type Test interface {
	// Match evaluates the rule against env.Input, the state's effective input.
	// Its error is always an *Error.
	Match(env *Env) (bool, error)
}

// Wait is the Wait state. Exactly one field is set. In a JSONata state Seconds
// and Timestamp may be expressions.
type Wait struct {
	Base
	Seconds       Field
	SecondsPath   Field
	Timestamp     Field
	TimestampPath Field
}

// Succeed is the Succeed state.
type Succeed struct{ Base }

// Fail is the Fail state. Each field is nil where absent.
type Fail struct {
	Base
	Error     Field
	ErrorPath Field // a path or an intrinsic function
	Cause     Field
	CausePath Field
}

// Parallel is the Parallel state.
type Parallel struct {
	Base
	Branches       []*Block
	Parameters     Field // Parameters or Arguments
	ResultSelector Field
	ResultPath     *ResultPath
	Retry          []Retrier
	Catch          []Catcher
}

// Map is the Map state, inline or distributed.
type Map struct {
	Base
	Processor          *Block // ItemProcessor or Iterator
	Distributed        bool
	ExpressChildren    bool   // ProcessorConfig.ExecutionType EXPRESS
	Label              string // distributed only
	ItemsPath          Field  // JSONPath; nil: absent
	Items              Field  // JSONata; nil: absent
	ItemSelector       Field  // ItemSelector or the older Parameters
	MaxConcurrency     Field
	MaxConcurrencyPath Field

	ToleratedFailureCount          Field
	ToleratedFailureCountPath      Field
	ToleratedFailurePercentage     Field
	ToleratedFailurePercentagePath Field

	ItemReader   *ItemReader
	ItemBatcher  *ItemBatcher
	ResultWriter *ResultWriter

	ResultSelector Field
	ResultPath     *ResultPath
	Retry          []Retrier
	Catch          []Catcher
}

// ItemReader says where a distributed Map takes its items from.
type ItemReader struct {
	Resource          string
	Parameters        Field    // Parameters or Arguments
	InputType         string   // CSV, JSON, JSONL, MANIFEST, PARQUET; "" for listObjectsV2
	ManifestType      string   // ATHENA_DATA, S3_INVENTORY
	Transformation    string   // NONE, LOAD_AND_FLATTEN
	CSVDelimiter      string   // COMMA, PIPE, SEMICOLON, SPACE, TAB
	CSVHeaderLocation string   // FIRST_ROW, GIVEN
	CSVHeaders        []string // with GIVEN
	ItemsPointer      string
	MaxItems          Field
	MaxItemsPath      Field
}

// ItemBatcher groups a distributed Map's items.
type ItemBatcher struct {
	BatchInput                Field
	MaxItemsPerBatch          Field
	MaxItemsPerBatchPath      Field
	MaxInputBytesPerBatch     Field
	MaxInputBytesPerBatchPath Field
}

// ResultWriter says where and how a distributed Map writes its results.
type ResultWriter struct {
	Resource       string // "": not exported
	Parameters     Field  // Parameters or Arguments
	Transformation string // NONE, COMPACT, FLATTEN; "": the default
	OutputType     string // JSON, JSONL
}

func (*Pass) state()     {}
func (*Task) state()     {}
func (*Choice) state()   {}
func (*Wait) state()     {}
func (*Succeed) state()  {}
func (*Fail) state()     {}
func (*Parallel) state() {}
func (*Map) state()      {}
