package interp

import "fmt"

// What an event has beside its type, chain and time. Stored: never renumber.
const (
	eventName = 1 << iota
	eventInput
	eventOutput
	eventAssigned
	eventError
	eventCause
	eventResource
	eventResourceType
	eventRegion
	eventTimeout
	eventHeartbeat
	eventLength
	eventIndex
	eventWorker
	eventMapRun
	eventRoleARN
	eventLocation
	eventRole
	eventRedrives
)

// blockWriter encodes events into as few blocks as they fit into.
type blockWriter struct {
	x      *Execution
	blocks []Block
	b      Block // the one that is being written
	e      encoder
	n      int   // its events
	from   int64 // the time of its first, in ms
}

// add encodes the events of steps.
func (w *blockWriter) add(steps []*Step) {
	left := 1 // room for the outcome of a local action
	for _, s := range steps {
		left += len(s.Events)
	}
	for _, s := range steps {
		for i := range s.Events {
			v := &s.Events[i]
			if w.n == BlockEvents || len(w.e.b) >= BlockBytes {
				w.end()
			}
			if w.n == 0 {
				w.e = encoder{x: w.x, b: make([]byte, 0, 64*min(left, BlockEvents))}
				w.from = v.Time.UnixMilli()
				w.e.byte(formatVersion)
				w.e.int(v.ID)
				w.e.int(w.from)
				w.b.First = v.ID
			}
			w.e.event(v, w.from)
			w.b.Last = v.ID
			w.n++
			left--
		}
	}
}

// end ends the block that is being written and returns all of them.
func (w *blockWriter) end() []Block {
	if w.n > 0 {
		w.b.Data = w.e.b
		w.blocks = append(w.blocks, w.b)
		w.n = 0
	}
	return w.blocks
}

// event writes one event of a block that begins at time from.
func (e *encoder) event(v *Event, from int64) {
	has := v.has()
	e.uint(uint64(eventCode(v.Type)))
	e.int(v.ID - v.Previous)
	e.uint(uint64(v.Time.UnixMilli() - from))
	e.uint(has)
	if has&eventName != 0 {
		e.name(v.Name)
	}
	if has&moreNames != 0 {
		for i, s := range v.names() {
			if bit := nameBits[i]; has&bit&moreNames != 0 {
				e.name(*s)
			}
		}
	}
	if has&eventInput != 0 {
		e.doc(v.Input)
	}
	if has&eventOutput != 0 {
		e.doc(v.Output)
	}
	if has&eventAssigned != 0 {
		e.uint(uint64(len(v.Assigned)))
		for _, a := range v.Assigned {
			e.name(a.Name)
			e.doc(a.Value)
		}
	}
	if has&eventError != 0 {
		e.name(*v.Error)
	}
	if has&eventCause != 0 {
		e.name(*v.Cause)
	}
	if has&anyInt != 0 {
		for i, n := range v.ints() {
			if has&intBits[i] != 0 {
				e.int(**n)
			}
		}
	}
}

// What most events have none of.
const (
	moreNames = eventResource | eventResourceType | eventRegion | eventWorker | eventMapRun | eventRoleARN | eventLocation | eventRole
	anyInt    = eventTimeout | eventHeartbeat | eventLength | eventIndex | eventRedrives
)

// names are the event's strings that come again and again, in the order in which they are stored.
func (v *Event) names() [9]*string {
	return [9]*string{&v.Name, &v.Resource, &v.ResourceType, &v.Region, &v.Worker, &v.MapRunARN, &v.RoleARN, &v.Location, &v.Role}
}

var nameBits = [9]uint64{eventName, eventResource, eventResourceType, eventRegion, eventWorker, eventMapRun, eventRoleARN, eventLocation, eventRole}

func (v *Event) ints() [5]**int64 {
	return [5]**int64{&v.Timeout, &v.Heartbeat, &v.Length, &v.Index, &v.Redrives}
}

var intBits = [5]uint64{eventTimeout, eventHeartbeat, eventLength, eventIndex, eventRedrives}

func (v *Event) has() uint64 {
	var has uint64
	set := func(there bool, bit uint64) {
		if there {
			has |= bit
		}
	}
	set(v.Name != "", eventName)
	set(v.Resource != "", eventResource)
	set(v.ResourceType != "", eventResourceType)
	set(v.Region != "", eventRegion)
	set(v.Worker != "", eventWorker)
	set(v.MapRunARN != "", eventMapRun)
	set(v.RoleARN != "", eventRoleARN)
	set(v.Location != "", eventLocation)
	set(v.Role != "", eventRole)
	set(v.Timeout != nil, eventTimeout)
	set(v.Heartbeat != nil, eventHeartbeat)
	set(v.Length != nil, eventLength)
	set(v.Index != nil, eventIndex)
	set(v.Redrives != nil, eventRedrives)
	set(v.Input != nil, eventInput)
	set(v.Output != nil, eventOutput)
	set(len(v.Assigned) > 0, eventAssigned)
	set(v.Error != nil, eventError)
	set(v.Cause != nil, eventCause)
	return has
}

// DecodeEvents reads a block of history.
func DecodeEvents(block []byte, doc DocFunc) ([]Event, error) {
	d := newDecoder(block, doc)
	id, from := d.int(), d.int()
	var list []Event
	for d.err == nil && len(d.b) > 0 {
		v := Event{ID: id}
		d.event(&v, from)
		list = append(list, v)
		id++
	}
	if err := d.end(); err != nil {
		return nil, fmt.Errorf("decode history: %w", err)
	}
	return list, nil
}

func (d *decoder) event(v *Event, from int64) {
	code := d.uint()
	if code == 0 || code >= uint64(len(eventTypes)) {
		d.fail(errFormat)
		return
	}
	v.Type = eventTypes[code]
	v.Previous = v.ID - d.int()
	v.Time = clock(from + int64(d.uint()))
	has := d.uint()
	for i, s := range v.names() {
		if has&nameBits[i] != 0 {
			*s = d.name()
		}
	}
	if has&eventInput != 0 {
		v.Input = d.doc()
	}
	if has&eventOutput != 0 {
		v.Output = d.doc()
	}
	if has&eventAssigned != 0 {
		for n := d.count(); n > 0 && d.err == nil; n-- {
			v.Assigned = append(v.Assigned, AssignedItem{d.name(), d.doc()})
		}
	}
	if has&eventError != 0 {
		s := d.name()
		v.Error = &s
	}
	if has&eventCause != 0 {
		s := d.name()
		v.Cause = &s
	}
	for i, n := range v.ints() {
		if has&intBits[i] != 0 {
			k := d.int()
			*n = &k
		}
	}
}
