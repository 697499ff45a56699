package jsonata

// maxTreeDepth bounds the nesting of an expression, so that neither parsing
// nor evaluating it can exhaust the stack.
const maxTreeDepth = 2500

// parser is an operator-precedence parser (Pratt, 1973) with the binding
// powers of the reference.
type parser struct {
	lex   lexer
	tok   token
	depth int
}

// parse reads a whole expression into a tree that shape has yet to see.
func parse(src string) (*node, *Error) {
	p := &parser{lex: lexer{src: src}}
	if err := p.advance("", false); err != nil {
		return nil, err
	}
	n, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tokEnd {
		return nil, faultAt("S0201", p.tok.pos, p.tok.shown())
	}
	return n, nil
}

func (t token) shown() string {
	switch t.kind {
	case tokEnd:
		return "(end)"
	case tokRegex:
		return "/" + t.text + "/"
	}
	return t.text
}

func (t token) is(op string) bool { return t.kind == tokOperator && t.text == op }

// power is how strongly a token binds what stands left of it; 0 ends an expression.
func (t token) power() int {
	if t.kind != tokOperator {
		return 0
	}
	switch t.text {
	case "(", "[", "@", "#":
		return 80
	case ".":
		return 75
	case "{":
		return 70
	case "*", "/", "%":
		return 60
	case "+", "-", "&":
		return 50
	case "=", "<", ">", "^", "!=", "<=", ">=", "~>", "?:", "??", "in":
		return 40
	case "and":
		return 30
	case "or":
		return 25
	case "?":
		return 20
	case ":=":
		return 10
	}
	return 0
}

// advance reads the next token, having checked that the present one is the operator want.
func (p *parser) advance(want string, infix bool) *Error {
	if want != "" && !p.tok.is(want) {
		code := "S0202"
		if p.tok.kind == tokEnd {
			code = "S0203"
		}
		e := faultAt(code, p.tok.pos, p.tok.shown())
		e.Value = want
		return e
	}
	t, err := p.lex.next(infix)
	if err != nil {
		return err
	}
	if t.is("!") || t.is("~") {
		return faultAt("S0204", t.pos, t.text)
	}
	p.tok = t
	return nil
}

func (p *parser) enter() *Error {
	p.depth++
	if p.depth > maxTreeDepth {
		return faultAt("U1001", p.tok.pos, "")
	}
	return nil
}

// expression reads on while operators bind more strongly than rbp.
func (p *parser) expression(rbp int) (*node, *Error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	t := p.tok
	if err := p.advance("", true); err != nil {
		return nil, err
	}
	left, err := p.prefix(t)
	if err != nil {
		return nil, err
	}
	for rbp < p.tok.power() {
		t = p.tok
		if err := p.advance("", false); err != nil {
			return nil, err
		}
		d := left.depth + 1
		if left, err = p.infix(t, left); err != nil {
			return nil, err
		}
		left.depth = max(left.depth, d)
		if left.depth > maxTreeDepth {
			return nil, faultAt("U1001", t.pos, "")
		}
	}
	return left, nil
}

// prefix makes the node that starts with t.
func (p *parser) prefix(t token) (*node, *Error) {
	n := &node{value: t.text, start: t.start, pos: t.pos, depth: 1}
	switch t.kind {
	case tokEnd:
		n.kind, n.value = kEnd, "(end)"
	case tokName:
		n.kind = kName
	case tokVariable:
		n.kind = kVariable
	case tokString:
		n.kind = kString
	case tokNumber:
		n.kind, n.num = kNumber, t.num
	case tokValue:
		n.kind, n.literal = kValue, t.value
	case tokRegex:
		n.kind, n.flags = kRegex, t.flags
	case tokOperator:
		return p.prefixOperator(t, n)
	}
	return n, nil
}

func (p *parser) prefixOperator(t token, n *node) (*node, *Error) {
	switch t.text {
	case "and", "or", "in":
		n.kind = kOperator
		return n, nil
	case "*":
		n.kind = kWildcard
		return n, nil
	case "**":
		n.kind = kDescendant
		return n, nil
	case "%":
		n.kind = kParent
		return n, nil
	case "-":
		n.kind = kUnary
		return n, p.into(&n.lhs, n, 70)
	case "(":
		n.kind = kBlock
		for !p.tok.is(")") {
			if err := p.intoList(&n.list, n); err != nil {
				return nil, err
			}
			if !p.tok.is(";") {
				break
			}
			if err := p.advance(";", false); err != nil {
				return nil, err
			}
		}
		return n, p.advance(")", true)
	case "[":
		n.kind = kUnary
		return n, p.arrayItems(n)
	case "{":
		n.kind = kUnary
		return n, p.objectPairs(n)
	case "|":
		return n, p.transform(n)
	}
	return nil, faultAt("S0211", t.pos, t.text)
}

// into parses an expression into a field of parent.
func (p *parser) into(field **node, parent *node, rbp int) *Error {
	n, err := p.expression(rbp)
	if err != nil {
		return err
	}
	*field = n
	parent.depth = max(parent.depth, n.depth+1)
	return nil
}

func (p *parser) intoList(list *[]*node, parent *node) *Error {
	var n *node
	if err := p.into(&n, parent, 0); err != nil {
		return err
	}
	*list = append(*list, n)
	return nil
}

func (p *parser) arrayItems(n *node) *Error {
	n.list = []*node{}
	if !p.tok.is("]") {
		for {
			item, err := p.arrayItem(n)
			if err != nil {
				return err
			}
			n.list = append(n.list, item)
			if !p.tok.is(",") {
				break
			}
			if err := p.advance(",", false); err != nil {
				return err
			}
		}
	}
	return p.advance("]", true)
}

// arrayItem reads an expression, or two with .. between them.
func (p *parser) arrayItem(n *node) (*node, *Error) {
	var item *node
	if err := p.into(&item, n, 0); err != nil || !p.tok.is("..") {
		return item, err
	}
	r := &node{kind: kBinary, value: "..", start: item.start, pos: p.tok.pos, lhs: item, depth: item.depth + 1}
	if err := p.advance("..", false); err != nil {
		return nil, err
	}
	if err := p.into(&r.rhs, r, 0); err != nil {
		return nil, err
	}
	n.depth = max(n.depth, r.depth+1)
	return r, nil
}

func (p *parser) objectPairs(n *node) *Error {
	n.pairs = [][2]*node{}
	if !p.tok.is("}") {
		for {
			var pair [2]*node
			if err := p.into(&pair[0], n, 0); err != nil {
				return err
			}
			if err := p.advance(":", false); err != nil {
				return err
			}
			if err := p.into(&pair[1], n, 0); err != nil {
				return err
			}
			n.pairs = append(n.pairs, pair)
			if !p.tok.is(",") {
				break
			}
			if err := p.advance(",", false); err != nil {
				return err
			}
		}
	}
	return p.advance("}", true)
}

func (p *parser) transform(n *node) *Error {
	n.kind = kTransform
	if err := p.into(&n.pattern, n, 0); err != nil {
		return err
	}
	if err := p.advance("|", false); err != nil {
		return err
	}
	if err := p.into(&n.update, n, 0); err != nil {
		return err
	}
	if p.tok.is(",") {
		if err := p.advance(",", false); err != nil {
			return err
		}
		if err := p.into(&n.delete, n, 0); err != nil {
			return err
		}
	}
	return p.advance("|", false)
}

// infix makes the node of the operator t, which stands right of left.
func (p *parser) infix(t token, left *node) (*node, *Error) {
	n := &node{kind: kBinary, value: t.text, start: t.start, pos: t.pos, lhs: left, depth: left.depth + 1}
	switch t.text {
	case "(":
		return p.call(n)
	case "[":
		if p.tok.is("]") {
			step := left
			for step.kind == kBinary && step.value == "[" {
				step = step.lhs
			}
			step.keep = true
			return left, p.advance("]", false)
		}
		if err := p.into(&n.rhs, n, 0); err != nil {
			return nil, err
		}
		return n, p.advance("]", true)
	case "{":
		return n, p.objectPairs(n)
	case "^":
		return n, p.orderBy(n)
	case ":=":
		if left.kind != kVariable {
			return nil, faultAt("S0212", left.pos, left.value)
		}
		return n, p.into(&n.rhs, n, 9)
	case "@", "#":
		if err := p.into(&n.rhs, n, 80); err != nil {
			return nil, err
		}
		if n.rhs.kind != kVariable {
			return nil, faultAt("S0214", n.rhs.pos, t.text)
		}
		return n, nil
	case "?":
		n.kind, n.cond, n.lhs = kCondition, left, nil
		if err := p.into(&n.then, n, 0); err != nil || !p.tok.is(":") {
			return n, err
		}
		if err := p.advance(":", false); err != nil {
			return nil, err
		}
		return n, p.into(&n.els, n, 0)
	case "?:", "??":
		n.kind, n.then, n.lhs, n.form = kCondition, left, nil, elvis
		if t.text == "??" {
			n.form = coalesce
		}
		return n, p.into(&n.els, n, 0)
	}
	return n, p.into(&n.rhs, n, t.power())
}

func (p *parser) orderBy(n *node) *Error {
	if err := p.advance("(", false); err != nil {
		return err
	}
	for {
		var t sortTerm
		if p.tok.is("<") || p.tok.is(">") {
			t.descending = p.tok.is(">")
			if err := p.advance("", false); err != nil {
				return err
			}
		}
		if err := p.into(&t.expr, n, 0); err != nil {
			return err
		}
		n.terms = append(n.terms, t)
		if !p.tok.is(",") {
			break
		}
		if err := p.advance(",", false); err != nil {
			return err
		}
	}
	return p.advance(")", false)
}

// call reads arguments, and if what is called is the word function, the rest of a lambda.
func (p *parser) call(n *node) (*node, *Error) {
	n.kind = kFunction
	if !p.tok.is(")") {
		for {
			if p.tok.is("?") {
				n.kind = kPartial
				n.list = append(n.list, &node{kind: kOperator, value: "?", start: p.tok.start, pos: p.tok.pos, depth: 1})
				if err := p.advance("?", false); err != nil {
					return nil, err
				}
			} else if err := p.intoList(&n.list, n); err != nil {
				return nil, err
			}
			if !p.tok.is(",") {
				break
			}
			if err := p.advance(",", false); err != nil {
				return nil, err
			}
		}
	}
	if err := p.advance(")", true); err != nil {
		return nil, err
	}
	if n.lhs.kind == kName && (n.lhs.value == "function" || n.lhs.value == "λ") {
		return n, p.lambda(n)
	}
	return n, nil
}

func (p *parser) lambda(n *node) *Error {
	for i, a := range n.list {
		if a.kind != kVariable {
			e := faultAt("S0208", a.pos, a.value)
			e.Value = float64(i + 1)
			return e
		}
	}
	n.kind, n.lhs = kLambda, nil
	if p.tok.is("<") {
		pos := p.tok.pos
		text := []byte("<")
		for depth := 1; depth > 0 && !p.tok.is("{") && p.tok.kind != tokEnd; {
			if err := p.advance("", false); err != nil {
				return err
			}
			switch {
			case p.tok.is(">"):
				depth--
			case p.tok.is("<"):
				depth++
			}
			text = append(text, p.tok.shown()...)
		}
		if err := p.advance(">", false); err != nil {
			return err
		}
		sig, err := parseSignature(string(text))
		if err != nil {
			err.Position += pos
			return err
		}
		n.sig = sig
	}
	if err := p.advance("{", false); err != nil {
		return err
	}
	if err := p.into(&n.body, n, 0); err != nil {
		return err
	}
	return p.advance("}", false)
}
