package asl

// The codes of AWS's diagnostics.
const (
	codeSyntax      = "INVALID_JSON_DESCRIPTION"
	codeEmpty       = "MISSING_DESCRIPTION"
	codeSchema      = "SCHEMA_VALIDATION_FAILED"
	codeTarget      = "MISSING_TRANSITION_TARGET"
	codeEnd         = "MISSING_END_STATE"
	codeDuplicate   = "DUPLICATE_STATE_NAME"
	codeName        = "INVALID_STATE_NAME"
	codeResource    = "INVALID_RESOURCE"
	codeLabel       = "INVALID_LABEL_NAME"
	codeLabelTwice  = "DUPLICATE_LABEL_NAME"
	codeDepth       = "TOO_DEEPLY_NESTED"
	codeNoDollar    = "NO_DOLLAR"
	codeNoPath      = "NO_PATH"
	codeStaticValue = "PASS_RESULT_IS_STATIC"
	codeReserved    = "RESERVED_VARIABLE_NAME"
	codeVariable    = "INVALID_VARIABLE_NAME"
	codeJSONata     = "INVALID_JSONATA_EXPRESSION"
	codeUnsupported = "UNSUPPORTED_JSONATA_EXPRESSION"
)

// The codes that are this program's, not AWS's. Those after codeIntrinsic are of the
// remarks that [Options.Lint] asks for: the definition is accepted, but part of it
// cannot be meant so.
const (
	codeRepeated       = "REPEATED_FIELD"
	codeIntrinsic      = "INTRINSIC_WILL_FAIL"
	codeUndefined      = "UNDEFINED_VARIABLE"
	codeMaybeUndefined = "POSSIBLY_UNDEFINED_VARIABLE"
	codeUnused         = "UNUSED_VARIABLE"
	codeShadowed       = "SHADOWED_VARIABLE"
	codeNoFunction     = "UNKNOWN_FUNCTION"
	codeNoContext      = "UNKNOWN_CONTEXT_FIELD"
	codeNoResult       = "NO_RESULT"
	codeNeverMatch     = "NEVER_MATCHES"
	codeExpress        = "EXPRESS_LIMIT"
	codeNotEvaluated   = "NOT_EVALUATED"
	codeInline         = "DISTRIBUTED_ONLY"
	codeDelay          = "DELAY_LIMIT"
)

// Describe tells in a sentence what the diagnostics of a code have in common; ""
// is a code that none has.
func Describe(code string) string { return descriptions()[code] }

func descriptions() map[string]string {
	return map[string]string{
		codeSyntax:         "The definition is not JSON",
		codeEmpty:          "The definition is empty",
		codeSchema:         "A field is missing, unknown here, or has a value that it cannot have",
		codeTarget:         "A state that is named is not there, or one that is there is never reached",
		codeEnd:            "No state ends the workflow",
		codeDuplicate:      "Two states have the same name",
		codeName:           "The name of a state is empty or too long",
		codeResource:       "AWS does not know the resource of a task",
		codeLabel:          "The label of a Map is too long or has characters that it cannot have",
		codeLabelTwice:     "Two Maps have the same label",
		codeDepth:          "States are nested too deeply",
		codeNoDollar:       "A value looks like a path, but its field is passed on as text",
		codeNoPath:         "A value looks like a path, but its field takes none",
		codeStaticValue:    "The Result of a Pass is passed on as it is",
		codeReserved:       "A variable cannot be called so",
		codeVariable:       "The name of a variable is too long or has characters that it cannot have",
		codeJSONata:        "A JSONata expression cannot be read",
		codeUnsupported:    "A JSONata expression refers to what state machines do not have",
		codeRepeated:       "A field is given twice",
		codeIntrinsic:      "A call of an intrinsic function is sure to fail",
		codeUndefined:      "A variable is read where it has no value",
		codeMaybeUndefined: "A variable is read where it may have no value",
		codeUnused:         "A variable is assigned and never read",
		codeShadowed:       "A variable has the name of one of a block around",
		codeNoFunction:     "A JSONata expression calls a function that does not exist",
		codeNoContext:      "The context object has no such member",
		codeNoResult:       "There is no $states.result in this field",
		codeNeverMatch:     "No error reaches a name in Retry or Catch",
		codeExpress:        "An Express execution cannot do this, or not for so long",
		codeDelay:          "A retrier's longest delay is shorter than its first",
		codeInline:         "A field of an inline Map that only a distributed one uses",
		codeNotEvaluated:   "A value looks like an expression and is passed on as text",
	}
}
