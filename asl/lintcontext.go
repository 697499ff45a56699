package asl

import (
	"slices"
	"strings"

	"millrace/asl/jsonpath"
)

// contextFields are the members of the context object, by their parent's path.
//
// Source: "Accessing execution data from the Context object" of the AWS Step
// Functions developer guide.
func contextFields(parent string) []string {
	switch parent {
	case "":
		return []string{"Execution", "State", "StateMachine", "Task", "Map"}
	case "Execution":
		return []string{"Id", "Input", "Name", "RoleArn", "StartTime", "RedriveCount", "RedriveTime"}
	case "State":
		return []string{"EnteredTime", "Name", "RetryCount"}
	case "StateMachine":
		return []string{"Id", "Name"}
	case "Task":
		return []string{"Token"}
	case "Map":
		return []string{"Item"}
	case "Map.Item":
		return []string{"Index", "Key", "Value", "Source"}
	}
	return nil
}

// uses notes what a path starts from, so many bytes into the string n.
func (s *scope) uses(n *node, inside int, p *jsonpath.Path) {
	s.refers(n, inside, p.Variable())
	if s.c.opt.Lint && p.Root() == jsonpath.Context {
		s.lintContext(n, inside, "$$", plainNames(strings.TrimPrefix(p.String(), "$$")))
	}
}

// plainNames returns the names with which a path begins, such as Map and Item of
// .Map.Item[0].
func plainNames(path string) []string {
	var names []string
	for strings.HasPrefix(path, ".") {
		path = path[1:]
		end := strings.IndexFunc(path, func(r rune) bool { return !isLetter(r) && !isDigit(r) && r != '_' })
		if end < 0 {
			end = len(path)
		}
		if end == 0 {
			break
		}
		names, path = append(names, path[:end]), path[end:]
	}
	return names
}

// lintContext looks at a path into the context object, which starts with root and
// goes on with names.
func (s *scope) lintContext(n *node, inside int, root string, names []string) {
	parent := ""
	for i, name := range names {
		known := contextFields(parent)
		if known == nil {
			return
		}
		if !slices.Contains(known, name) {
			s.c.warnIn(n, inside, codeNoContext, "The context object has no '"+strings.Join(names[:i+1], ".")+"': '"+root+strings.TrimSuffix("."+parent, ".")+"' has "+list(known))
			return
		}
		parent = strings.Join(names[:i+1], ".")
	}
	switch {
	case len(names) == 0:
	case names[0] == "Task" && !s.hasToken():
		s.c.warnIn(n, inside, codeNoContext, "There is no '"+root+".Task.Token' here: only a Task that waits for a job or a token has it")
	case names[0] == "Map" && !s.inMap():
		s.c.warnIn(n, inside, codeNoContext, "There is no '"+root+".Map' here: only a Map state and the states inside it have it")
	}
}

// hasToken reports whether the state is a task that waits, or one of which that is
// not known.
func (s *scope) hasToken() bool {
	arn, _ := s.n.get("Resource").text()
	return waits(arn) || hasPlaceholder(arn) || arn != "" && !strings.HasPrefix(arn, "arn:")
}

// inMap reports whether the state is a Map, or inside one.
func (s *scope) inMap() bool {
	for n := s.n; n != nil; n = n.parent {
		if n.isObject() && typeOf(n) == "Map" {
			return true
		}
	}
	return false
}
