package table

import (
	"strings"
)

// tokenKind tells the tokens of expressions apart.
type tokenKind byte

const (
	endToken    tokenKind = iota
	nameToken             // attribute, or a key word
	nameRef               // #name
	valueRef              // :value
	numberToken           // in [0]
	symbolToken           // ( ) , . [ ] = <> < <= > >= + -
)

type token struct {
	kind     tokenKind
	text     string
	from, to int // in the source
}

// maxExpression is the most bytes of an expression.
const maxExpression = 4096

// lexer cuts an expression into tokens. kind names the expression in errors:
// ConditionExpression.
type lexer struct {
	kind   string
	source string
	tokens []token
}

func lex(kind, source string) (*lexer, error) {
	l := &lexer{kind: kind, source: source}
	if strings.TrimSpace(source) == "" {
		return nil, validation("Invalid %s: The expression can not be empty;", kind)
	}
	if len(source) > maxExpression {
		return nil, validation("Invalid %s: Expression size has exceeded the maximum allowed size; expression size: %d", kind, len(source))
	}
	for i := 0; i < len(source); {
		c := source[i]
		j := i + 1
		k := symbolToken
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
			continue
		case c == '#' || c == ':':
			for j < len(source) && isWord(source[j]) {
				j++
			}
			if j == i+1 {
				return nil, l.syntaxAt(token{symbolToken, source[i:j], i, j})
			}
			if k = nameRef; c == ':' {
				k = valueRef
			}
		case c >= '0' && c <= '9':
			for j < len(source) && source[j] >= '0' && source[j] <= '9' {
				j++
			}
			k = numberToken
		case isWord(c):
			for j < len(source) && isWord(source[j]) {
				j++
			}
			k = nameToken
		case c == '<' && j < len(source) && (source[j] == '>' || source[j] == '='), c == '>' && j < len(source) && source[j] == '=':
			j++
		case strings.IndexByte("()[],.=<>+-", c) >= 0:
		default:
			return nil, l.syntaxAt(token{symbolToken, source[i:j], i, j})
		}
		l.tokens = append(l.tokens, token{k, source[i:j], i, j})
		i = j
	}
	l.tokens = append(l.tokens, token{endToken, "<EOF>", len(source), len(source)})
	return l, nil
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

// syntax is the error of the token at i, with its neighbours.
func (l *lexer) syntax(i int) error {
	t := l.tokens[i]
	from, to := t.from, t.to
	if i > 0 {
		from = l.tokens[i-1].from
	}
	if i+1 < len(l.tokens) {
		to = l.tokens[i+1].to
	}
	return validation(`Invalid %s: Syntax error; token: "%s", near: "%s"`, l.kind, t.text, l.source[from:to])
}

func (l *lexer) syntaxAt(t token) error {
	from := max(t.from-10, 0)
	return validation(`Invalid %s: Syntax error; token: "%s", near: "%s"`, l.kind, t.text, l.source[from:min(t.to+10, len(l.source))])
}
