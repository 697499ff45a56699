package engine

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"millrace/asl"
	"millrace/asl/document"
	"millrace/engine/interp"
)

// MapData is where distributed Maps read their items and write their results.
type MapData interface {
	// Items opens what an ItemReader names, after the cursor given. Its errors, and
	// those of the stream, are *asl.Error where the reader fails (States.ItemReaderFailed);
	// any other is tried again.
	Items(ctx context.Context, q ItemQuery) (ItemStream, error)
	// Write stores all of body under a key of a bucket, in place of what was there,
	// and returns its size. An *asl.Error is States.ResultWriterFailed.
	Write(ctx context.Context, bucket, key, contentType string, body io.Reader) (int64, error)
}

// ItemQuery is what an ItemReader asks for.
type ItemQuery struct {
	Reader    *asl.ItemReader
	Arguments *document.Doc   // Bucket, Key, Prefix, VersionId, evaluated
	Cursor    json.RawMessage // of an earlier stream; nil: from the start
}

// ItemStream is a source of items that need not fit into memory.
type ItemStream interface {
	// Next returns the next item, or io.EOF.
	Next(ctx context.Context) (Item, error)
	// Cursor names the place after the last item.
	Cursor() json.RawMessage
	Close() error
}

// Item is one item of a distributed Map.
type Item struct {
	Key    *string // of an object's member; nil: none
	Value  *document.Doc
	Source string // what it was read from: S3://bucket/key, or S3://bucket for one of a list; "": the state's input
}

// stateItems are the items that the state has in its input.
type stateItems struct {
	values []any
	keys   []string
	next   int
}

func newStateItems(items *document.Doc, from int64) *stateItems {
	s := &stateItems{}
	switch v := items.Value().(type) {
	case []any:
		s.values = v
	case *document.Object:
		s.keys = v.Keys()
		s.values = make([]any, v.Len())
		for i := range s.values {
			_, s.values[i] = v.At(i)
		}
	}
	s.next = int(min(from, int64(len(s.values))))
	return s
}

// Next returns the next item.
func (s *stateItems) Next(context.Context) (Item, error) {
	if s.next >= len(s.values) {
		return Item{}, io.EOF
	}
	it := Item{Value: document.FromValue(s.values[s.next])}
	if s.keys != nil {
		it.Key = &s.keys[s.next]
	}
	s.next++
	return it, nil
}

// Cursor is empty: the number of items taken tells the place.
func (s *stateItems) Cursor() json.RawMessage { return nil }

// Close does nothing.
func (s *stateItems) Close() error { return nil }

// mapChild is a child to be started, with where the source stands after it.
type mapChild struct {
	input  *document.Doc
	items  int64
	read   int64
	cursor json.RawMessage
}

// mapBatch is an item that was too much for the batch before.
type mapBatch struct{ kept []byte }

const readerFailed = "States.ItemReaderFailed"

// maxReadItems is the most items that MaxItems may ask for.
const maxReadItems = 100_000_000

// most reads MaxItems; 0: all.
func (l *liveRun) most() (int64, *asl.Error) {
	if l.plan.MaxItems == nil {
		return 0, nil
	}
	return positive(l.plan.MaxItems, "MaxItems")
}

// positive reads an integer of the ItemReader or ItemBatcher; 0: no bound.
func positive(d *document.Doc, name string) (int64, *asl.Error) {
	v := d.Value()
	if s, ok := v.(string); ok {
		v = document.Number(s)
		if _, err := strconv.ParseInt(s, 10, 64); err != nil {
			v = s
		}
	}
	n, ok := v.(document.Number)
	if !ok {
		return 0, &asl.Error{Name: readerFailed, Cause: "field " + name + " must be a number"}
	}
	i, ok := n.Int64()
	switch {
	case !ok:
		return 0, &asl.Error{Name: readerFailed, Cause: "field " + name + " must be an integer"}
	case i < 0:
		return 0, &asl.Error{Name: readerFailed, Cause: "field " + name + " must be positive"}
	}
	return min(i, maxReadItems), nil
}

// The bounds of what is prepared at a time for one unit.
const (
	preparedChildren = 256
	preparedBytes    = 2 << 20
)

// prepare takes items from the source until there are n children to start, or
// the bounds of a unit are reached. A failure of the source is kept in l.failed.
func (e *Engine) prepare(ctx context.Context, l *liveRun, n int64) error {
	n = min(n, preparedChildren)
	bytes := 0
	for i := range l.prepared {
		bytes += len(l.prepared[i].input.Bytes())
	}
	for int64(len(l.prepared)) < n && bytes < preparedBytes && l.failed == nil && !l.exhausted {
		c, err := e.nextChild(ctx, l)
		var failed *asl.Error
		switch {
		case err == io.EOF:
			l.exhausted = true
		case errors.As(err, &failed):
			l.failed = failed
		case err != nil:
			return err
		default:
			bytes += len(c.input.Bytes())
			l.prepared = append(l.prepared, c)
		}
	}
	return nil
}

// nextChild makes the next child of one item or a batch of them.
func (e *Engine) nextChild(ctx context.Context, l *liveRun) (mapChild, error) {
	if err := e.openItems(ctx, l); err != nil {
		return mapChild{}, err
	}
	b := l.state.ItemBatcher
	if b == nil {
		input, err := e.nextItem(ctx, l)
		if err != nil {
			return mapChild{}, err
		}
		if len(input.Bytes()) > MaxPayload {
			return mapChild{}, tooLarge(l.state.Name)
		}
		return mapChild{input: input, items: 1, read: l.read, cursor: l.source.Cursor()}, nil
	}
	return e.nextBatch(ctx, l)
}

func tooLarge(state string) *asl.Error {
	return &asl.Error{Name: "States.DataLimitExceeded", Cause: "The state/task '" + state + "' returned a result with a size exceeding the maximum number of bytes service limit."}
}

// batchLimits reads the bounds of a batch; 0: none.
func (l *liveRun) batchLimits() (items, bytes int64, err *asl.Error) {
	if l.plan.MaxItemsPerBatch != nil {
		if items, err = positive(l.plan.MaxItemsPerBatch, "MaxItemsPerBatch"); err != nil {
			return 0, 0, err
		}
	}
	if l.plan.MaxBytesPerBatch != nil {
		if bytes, err = positive(l.plan.MaxBytesPerBatch, "MaxInputBytesPerBatch"); err != nil {
			return 0, 0, err
		}
	}
	if bytes == 0 || bytes > MaxPayload {
		bytes = MaxPayload
	}
	return items, bytes, nil
}

// nextBatch makes a child of as many items as a batch holds. An item that is too
// much for the batch is kept for the next one.
func (e *Engine) nextBatch(ctx context.Context, l *liveRun) (mapChild, error) {
	most, size, failed := l.batchLimits()
	if failed != nil {
		return mapChild{}, failed
	}
	head := []byte("{")
	if l.plan.BatchInput != nil {
		head = append(append(append(head, `"BatchInput":`...), l.plan.BatchInput.Bytes()...), ',')
	}
	b := &l.batch
	text := append(head, `"Items":[`...)
	n := int64(0)
	read, cursor := l.read, l.source.Cursor()
	for most == 0 || n < most {
		if b.kept == nil {
			input, err := e.nextItem(ctx, l)
			if err == io.EOF && n > 0 {
				break
			}
			if err != nil {
				return mapChild{}, err
			}
			b.kept = input.Bytes()
		}
		if n > 0 && int64(len(text)+1+len(b.kept)+2) > size {
			break
		}
		if n > 0 {
			text = append(text, ',')
		}
		text = append(text, b.kept...)
		b.kept = nil
		n++
		read, cursor = l.read, l.source.Cursor()
	}
	text = append(text, "]}"...)
	if len(text) > MaxPayload {
		return mapChild{}, tooLarge(l.state.Name)
	}
	return mapChild{input: document.FromBytes(text), items: n, read: read, cursor: cursor}, nil
}

// openItems opens the source where the run stands.
func (e *Engine) openItems(ctx context.Context, l *liveRun) error {
	if l.source != nil {
		return nil
	}
	l.read = l.head.Read
	if l.plan.Reader == nil && l.plan.Items != nil {
		l.source = newStateItems(l.plan.Items, l.read)
		return nil
	}
	if _, err := l.most(); err != nil {
		return err
	}
	if l.state.ItemReader == nil || e.maps.data == nil {
		return &asl.Error{Name: readerFailed, Cause: "There is nothing to read items from."}
	}
	s, err := e.maps.data.Items(ctx, ItemQuery{Reader: l.state.ItemReader, Arguments: l.plan.Reader, Cursor: l.head.Cursor})
	if err != nil {
		return err
	}
	l.source = s
	return nil
}

// nextItem takes one item from the source and gives it the form that a child sees.
func (e *Engine) nextItem(ctx context.Context, l *liveRun) (*document.Doc, error) {
	if most, _ := l.most(); most > 0 && l.read >= most {
		return nil, io.EOF
	}
	it, err := l.source.Next(ctx)
	if err != nil {
		return nil, err
	}
	index := l.read
	l.read++
	if l.state.ItemSelector == nil {
		if it.Key == nil {
			return it.Value, nil
		}
		o := document.NewObject(2)
		o.Set("Key", *it.Key)
		o.Set("Value", it.Value.Value())
		return document.FromValue(o), nil
	}
	if l.parent == nil {
		p := &resident{id: l.row.Execution}
		if _, err := e.load(p); err != nil {
			return nil, err
		}
		if p.x == nil {
			return nil, &asl.Error{Name: "States.Runtime", Cause: "The execution is over."}
		}
		l.parent = p
	}
	return interp.ChildInput(l.m, l.parent.x, l.plan, l.row.Event, int(index), it.Key, it.Source, it.Value)
}
