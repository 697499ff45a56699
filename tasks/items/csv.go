package items

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"millrace/asl/document"
	"millrace/engine"
)

// maxHeader is the most bytes of the header of a CSV file.
//
// Source: "CSVHeaderLocation" in "ItemReader (Map)" of the AWS Step Functions developer guide.
const maxHeader = 10 << 10

// csvFile reads delimited text as RFC 4180 has it. Empty lines are passed over.
// A row with fewer fields than the header has empty texts for the others; what a
// row has beyond the header is left out.
type csvFile struct {
	*text
	delimiter byte
	header    []string
	names     [][]byte // of the header, encoded, with what stands before and after
	fields    [][]byte
	quoted    []byte // the text of fields that stood in quotes
}

var delimiters = map[string]byte{"": ',', "COMMA": ',', "PIPE": '|', "SEMICOLON": ';', "SPACE": ' ', "TAB": '\t'}

func newCSV(t *text, s source, at *position) (*csvFile, error) {
	c := &csvFile{text: t, delimiter: delimiters[s.reader.CSVDelimiter], header: s.header}
	if c.delimiter == 0 {
		return nil, readerFailed("The CSVDelimiter %s is not supported.", s.reader.CSVDelimiter)
	}
	switch {
	case at != nil && at.Offset > 0:
		c.header = at.Header
	case s.header != nil:
	case s.reader.CSVHeaderLocation == "GIVEN":
		c.header = s.reader.CSVHeaders
	default:
		if err := c.record(); err != nil {
			return c, ignoreEOF(err)
		}
		size := 0
		for _, f := range c.fields {
			c.header = append(c.header, strings.ToValidUTF8(string(f), "\ufffd")) // as the cursor has it
			size += len(f) + 1
		}
		if size > maxHeader {
			return nil, readerFailed("CSV headers cannot exceed %d bytes.", maxHeader)
		}
	}
	sorted := slices.Sorted(slices.Values(c.header))
	if len(slices.Compact(sorted)) < len(c.header) {
		return nil, readerFailed("CSV headers cannot contain duplicates.")
	}
	for i, name := range c.header {
		b := []byte{','}
		if i == 0 {
			b[0] = '{'
		}
		c.names = append(c.names, append(document.AppendString(b, name), ':'))
	}
	return c, nil
}

// next makes an object of the next row.
func (c *csvFile) next(context.Context) (engine.Item, error) {
	if err := c.record(); err != nil {
		return engine.Item{}, err
	}
	size := 2
	for i, n := range c.names {
		size += len(n) + 2
		if i < len(c.fields) {
			size += len(c.fields[i])
		}
	}
	b := make([]byte, 0, size)
	for i, n := range c.names {
		b = append(b, n...)
		if i < len(c.fields) {
			b = document.AppendString(b, string(c.fields[i]))
		} else {
			b = append(b, `""`...)
		}
	}
	if len(b) == 0 {
		b = append(b, '{')
	}
	c.count++
	return engine.Item{Value: document.FromBytes(append(b, '}'))}, nil
}

func (c *csvFile) position() position {
	p := c.text.position()
	if p.Offset > 0 {
		p.Header = c.header
	}
	return p
}

// record reads the fields of the next row that is not empty.
func (c *csvFile) record() error {
	for {
		line, err := c.readLine()
		if err != nil {
			return err
		}
		if len(line) == 0 {
			continue
		}
		c.fields, c.quoted = c.fields[:0], c.quoted[:0]
		if bytes.IndexByte(line, '"') >= 0 {
			return c.quotes(line)
		}
		for {
			i := bytes.IndexByte(line, c.delimiter)
			if i < 0 {
				c.fields = append(c.fields, line)
				return nil
			}
			c.fields = append(c.fields, line[:i])
			line = line[i+1:]
		}
	}
}

// quotes reads a row in which fields stand in quotes: within them a delimiter
// and the end of a line are text, and two quotes are one.
func (c *csvFile) quotes(line []byte) error {
	line = append([]byte(nil), line...) // a field may go on in the next line
	var ends []int                      // of the fields in c.quoted
	for i := 0; ; i++ {
		if i >= len(line) || line[i] != '"' {
			end := bytes.IndexByte(line[min(i, len(line)):], c.delimiter)
			if end < 0 {
				c.quoted = append(c.quoted, line[min(i, len(line)):]...)
				ends = append(ends, len(c.quoted))
				break
			}
			c.quoted = append(c.quoted, line[i:i+end]...)
			ends = append(ends, len(c.quoted))
			i += end
			continue
		}
		for i++; ; i++ { // within quotes
			if i >= len(line) {
				more, err := c.readLine()
				if err != nil {
					if ignoreEOF(err) != nil {
						return err
					}
					break // a quote that nothing closes: the rest is the field
				}
				c.quoted = append(c.quoted, '\n')
				if len(c.quoted)+len(more) > maxItem {
					return readerFailed("A row of the file has more than %d bytes.", maxItem)
				}
				line, i = append(line[:0], more...), -1
				continue
			}
			if line[i] != '"' {
				c.quoted = append(c.quoted, line[i])
				continue
			}
			if i+1 < len(line) && line[i+1] == '"' {
				c.quoted = append(c.quoted, '"')
				i++
				continue
			}
			i++
			break
		}
		for i < len(line) && line[i] != c.delimiter { // what follows the quotes
			c.quoted = append(c.quoted, line[i])
			i++
		}
		ends = append(ends, len(c.quoted))
		if i >= len(line) {
			break
		}
	}
	from := 0
	for _, end := range ends {
		c.fields = append(c.fields, c.quoted[from:end])
		from = end
	}
	return nil
}
