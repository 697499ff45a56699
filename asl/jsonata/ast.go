package jsonata

type kind uint8

// The kinds of syntax nodes. The first group is what the parser makes and
// shape replaces; the second is what is left afterwards.
const (
	kBinary kind = iota // value: the operator
	kUnary              // value: - [ {
	kName
	kOperator // an operator used as a name, or ? in a partial application
	kString
	kNumber
	kValue
	kVariable
	kRegex
	kWildcard
	kDescendant
	kParent
	kFunction
	kPartial
	kLambda
	kCondition
	kBlock
	kTransform
	kEnd

	kPath
	kBind
	kApply
	kSort
	kThunk // a function call in tail position
)

// Which short form a condition was written in.
const (
	plainCondition = iota
	elvis          // a ?: b
	coalesce       // a ?? b
)

// node is a node of the syntax tree.
type node struct {
	kind       kind
	value      string // operator, name, string, pattern
	num        float64
	literal    any    // of kValue
	flags      string // of kRegex
	start, pos int
	depth      int // of the tree below

	lhs, rhs *node      // binary, bind, apply; lhs: the operand of unary minus, the procedure of a call
	list     []*node    // expressions, arguments, parameters
	pairs    [][2]*node // object constructor
	terms    []sortTerm
	cond     *node // nil for the short forms, where then is tested
	then     *node
	els      *node
	form     uint8 // of a condition
	body     *node // of lambda and thunk
	sig      *signature
	pattern  *node
	update   *node
	delete   *node

	// What shape finds out.
	steps         []*node // of kPath
	predicate     []stage // filters applied to the node's value
	stages        []stage // filters and index bindings of a step
	group         *grouping
	keep          bool // []: the value stays an array
	keepSingleton bool // of kPath
	cons          bool
	tuple         bool
	focus         string
	index         string
	ancestor      *slot
	slot          *slot // of kParent
	seeking       []*slot
}

type sortTerm struct {
	expr       *node
	descending bool
}

// stage is a filter, or with expr nil the binding of an index.
type stage struct {
	expr  *node
	index string
}

type grouping struct {
	pairs [][2]*node
	pos   int
}

// slot is the variable that carries the object a % refers to.
type slot struct {
	label string
	level int
	index int // among all % of the expression
}
