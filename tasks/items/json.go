package items

import (
	"bytes"
	"context"
	"io"
	"strconv"
	"strings"

	"millrace/asl/document"
	"millrace/engine"
)

func ignoreEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// lines reads JSON Lines: a document a line. Empty lines are passed over.
type lines struct{ *text }

func (l *lines) next(context.Context) (engine.Item, error) {
	for {
		line, err := l.readLine()
		if err != nil {
			return engine.Item{}, err
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		d, err := document.Of(append([]byte(nil), line...))
		if err != nil {
			return engine.Item{}, readerFailed("The line that ends at byte %d is no JSON: %v", l.offset, err)
		}
		l.count++
		return engine.Item{Value: compact(d)}, nil
	}
}

// compact returns the document without white space, as items are given.
func compact(d *document.Doc) *document.Doc {
	return document.FromBytes(document.Append(nil, d.Value()))
}

// jsonFile reads the elements of an array in a JSON file, or the members of an
// object, one by one.
type jsonFile struct {
	*text
	keyed bool
	first bool
	buf   []byte
}

// noList is the cause of a file, or place in it, that is no array.
const noList = "Attempting to map over non-iterable node."

func newJSON(t *text, pointer string, at *position) (*jsonFile, error) {
	j := &jsonFile{text: t}
	if at != nil && at.Offset > 0 {
		j.keyed = at.Keyed
		return j, nil
	}
	if pointer != "" {
		for _, token := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
			token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
			found, err := j.enter(token)
			if err != nil {
				return nil, err
			}
			if !found {
				return nil, readerFailed("The ItemsPointer %s points to nothing in the file.", pointer)
			}
		}
	}
	b, err := j.skip()
	switch {
	case err == io.EOF:
		return nil, readerFailed(noList)
	case err != nil:
		return nil, err
	case b == '{' && pointer != "":
		j.keyed = true
	case b != '[':
		return nil, readerFailed(noList)
	}
	j.first = true
	return j, nil
}

func (j *jsonFile) position() position {
	p := j.text.position()
	p.Keyed = j.keyed
	return p
}

// skip reads the next byte that is no white space.
func (j *jsonFile) skip() (byte, error) {
	for {
		b, err := j.byte()
		if err != nil || b != ' ' && b != '\t' && b != '\n' && b != '\r' {
			return b, err
		}
	}
}

func (j *jsonFile) fault(what string) error {
	return readerFailed("The file is no JSON: %s at byte %d.", what, j.offset)
}

// enter goes to a member or an element of the value that comes next.
func (j *jsonFile) enter(token string) (found bool, err error) {
	open, err := j.skip()
	if err != nil {
		return false, j.short(err)
	}
	if open != '{' && open != '[' {
		return false, nil
	}
	want, err := strconv.Atoi(token)
	if open == '[' && (err != nil || want < 0) {
		return false, nil
	}
	for n := 0; ; n++ {
		b, err := j.skip()
		if err != nil {
			return false, j.short(err)
		}
		if b == open+2 { // } and ] come two after { and [
			return false, nil
		}
		if n > 0 {
			if b != ',' {
				return false, j.fault("a comma is missing")
			}
		} else {
			j.unread()
		}
		if open == '{' {
			key, err := j.key()
			if err != nil {
				return false, err
			}
			found = key == token
		} else {
			found = n == want
		}
		if found {
			return true, nil
		}
		if _, err := j.value(false); err != nil {
			return false, err
		}
	}
}

// short says that the file ends too early.
func (j *jsonFile) short(err error) error {
	if err == io.EOF {
		return j.fault("it ends too early")
	}
	return err
}

// key reads a member's name and its colon.
func (j *jsonFile) key() (string, error) {
	raw, err := j.value(true)
	if err != nil {
		return "", err
	}
	d, err := document.Of(raw)
	if err != nil {
		return "", j.fault("a member has no name")
	}
	key, ok := d.Value().(string)
	if !ok {
		return "", j.fault("a member has no name")
	}
	if b, err := j.skip(); err != nil {
		return "", j.short(err)
	} else if b != ':' {
		return "", j.fault("a colon is missing")
	}
	return key, nil
}

// value reads one value and returns its text if it is to be kept.
func (j *jsonFile) value(keep bool) ([]byte, error) {
	j.buf = j.buf[:0]
	b, err := j.skip()
	if err != nil {
		return nil, j.short(err)
	}
	depth := 0
	for {
		if keep {
			if j.buf = append(j.buf, b); len(j.buf) > maxItem {
				return nil, readerFailed("An item has more than %d bytes.", maxItem)
			}
		}
		switch b {
		case '"':
			if err := j.inString(keep); err != nil {
				return nil, err
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if depth < 0 {
			return nil, j.fault("a value is missing")
		}
		if depth == 0 && (b == '"' || b == '}' || b == ']') {
			break
		}
		next, err := j.byte()
		if err == io.EOF && depth == 0 {
			break
		}
		if err != nil {
			return nil, j.short(err)
		}
		if depth == 0 && bytes.IndexByte([]byte(",]}: \t\r\n"), next) >= 0 {
			j.unread()
			break
		}
		b = next
	}
	return append([]byte(nil), j.buf...), nil
}

// inString reads the rest of a string.
func (j *jsonFile) inString(keep bool) error {
	escaped := false
	for {
		b, err := j.byte()
		if err != nil {
			return j.short(err)
		}
		if keep {
			if j.buf = append(j.buf, b); len(j.buf) > maxItem {
				return readerFailed("An item has more than %d bytes.", maxItem)
			}
		}
		switch {
		case escaped:
			escaped = false
		case b == '\\':
			escaped = true
		case b == '"':
			return nil
		}
	}
}

func (j *jsonFile) next(context.Context) (engine.Item, error) {
	b, err := j.skip()
	if err != nil {
		return engine.Item{}, j.short(err)
	}
	end := byte(']')
	if j.keyed {
		end = '}'
	}
	switch {
	case b == end:
		j.unread() // a second call ends here too
		return engine.Item{}, io.EOF
	case j.first:
		j.unread()
	case b != ',':
		return engine.Item{}, j.fault("a comma is missing")
	}
	j.first = false
	var item engine.Item
	if j.keyed {
		key, err := j.key()
		if err != nil {
			return engine.Item{}, err
		}
		item.Key = &key
	}
	raw, err := j.value(true)
	if err != nil {
		return engine.Item{}, err
	}
	d, err := document.Of(raw)
	if err != nil {
		return engine.Item{}, j.fault("an item is wrong (" + err.Error() + ")")
	}
	item.Value = compact(d)
	j.count++
	return item, nil
}
