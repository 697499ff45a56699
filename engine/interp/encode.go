package interp

import (
	"millrace/asl/document"
)

// Change is what steps left to store, encoded. Every part begins with its
// format version; Decode, DecodeEvents and DecodeResult read all versions.
type Change struct {
	Head    []byte        // replaces the execution's head
	Frames  []FrameChange // changed and deleted only
	Results []ResultRow
	Docs    []NumberedDoc // numbered by these steps
	Blocks  []Block       // of history
}

// FrameChange is a frame to store, or one to delete.
type FrameChange struct {
	ID   int64
	Data []byte // nil: deleted
}

// ResultRow is an encoded [Result]: at most one for each frame and index.
type ResultRow struct {
	Frame int64
	Index int
	Data  []byte
}

// NumberedDoc is a document of more than [InlineDoc] bytes, stored once per execution.
type NumberedDoc struct {
	N    int64
	Text []byte
}

// Block is a run of events, at most 64 or about 64 KiB, encoded together.
type Block struct {
	First, Last int64 // event ids
	Data        []byte
}

// DocFunc returns the document of a number.
type DocFunc func(n int64) (*document.Doc, error)

// Changes encodes what the steps changed, as it stands now. Each step is given
// once, in order. Documents get their numbers here; one that is passed on
// unchanged keeps its number.
func (x *Execution) Changes(steps ...*Step) Change { return Change{} }

// Decode reads an execution that Changes encoded. The frames are all that are
// stored. The caller sets the exported fields.
func Decode(head []byte, frames map[int64][]byte, doc DocFunc) (*Execution, error) {
	return &Execution{}, nil
}

// DecodeEvents reads a block of history.
func DecodeEvents(block []byte, doc DocFunc) ([]Event, error) { return nil, nil }

// DecodeResult reads a row of Change.Results; frame and index are the row's own columns.
func DecodeResult(frame int64, index int, data []byte, doc DocFunc) (Result, error) {
	return Result{}, nil
}

// AppendCommand encodes a command of a step for an outbox. It is called after
// the step's Changes, so that large documents are named by number.
func (x *Execution) AppendCommand(dst []byte, c *Command) []byte { return dst }

// DecodeCommand reads what AppendCommand wrote.
func DecodeCommand(data []byte, doc DocFunc) (Command, error) { return Command{}, nil }

// AppendInput encodes an input for an inbox. It is self-contained.
func AppendInput(dst []byte, in *Input) []byte { return dst }

// DecodeInput reads what AppendInput wrote.
func DecodeInput(data []byte) (Input, error) { return Input{}, nil }
