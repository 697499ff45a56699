package engine

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"millrace/engine/interp"
)

// Activity is a kind of work that workers ask for.
type Activity struct {
	ID      int64
	ARN     string
	Name    string
	Created time.Time
}

type activityData struct{ Created int64 }

func (e *Engine) activityOf(r *Record) (Activity, error) {
	var d activityData
	err := json.Unmarshal(r.Data, &d)
	return Activity{ID: r.ID, ARN: e.arn(activityKind, r.Name), Name: r.Name, Created: time.UnixMilli(d.Created).UTC()}, err
}

// activityName reads the ARN of an activity.
func (e *Engine) activityName(arn string) (string, error) {
	a, err := parseARN(arn)
	switch {
	case err != nil:
		return "", err
	case a.kind != activityKind:
		return "", fail(ErrInvalidARN, "Resource type not valid in this context: %s", a.kind)
	case !e.ours(arn) || len(a.parts) != 1:
		return "", fail(ErrActivityNotFound, "%s", arn)
	}
	return a.parts[0], nil
}

// CreateActivity makes an activity, or returns the one that has the name.
func (e *Engine) CreateActivity(ctx context.Context, name string) (a Activity, err error) {
	if err := checkName(name); err != nil {
		return a, err
	}
	err = e.unit(func(t *tx) error {
		r, err := t.t.Record(ActivityRecord, name)
		if err != nil {
			return err
		}
		if r == nil {
			r = &Record{Kind: ActivityRecord, Name: name}
			if r.Data, err = json.Marshal(activityData{t.Now().UnixMilli()}); err != nil {
				return err
			}
			if r.ID, err = t.ID(); err != nil {
				return err
			}
			if err := t.t.PutRecord(*r); err != nil {
				return err
			}
			t.AfterCommit(func() { e.pollers.know(name, r.ID) })
		}
		a, err = e.activityOf(r)
		return err
	})
	return a, err
}

// DescribeActivity returns an activity, or ErrActivityNotFound.
func (e *Engine) DescribeActivity(ctx context.Context, arn string) (a Activity, err error) {
	name, err := e.activityName(arn)
	if err != nil {
		return a, err
	}
	err = e.store.Read(ctx, func(v View) error {
		r, err := v.Record(ActivityRecord, name)
		if err != nil {
			return err
		}
		if r == nil {
			return fail(ErrActivityNotFound, "%s", arn)
		}
		a, err = e.activityOf(r)
		return err
	})
	return a, err
}

// ListActivities returns activities in the order of their creation, and the token
// of the next page.
func (e *Engine) ListActivities(ctx context.Context, p Page) (list []Activity, next string, err error) {
	n, err := p.max()
	if err != nil {
		return nil, "", err
	}
	var after int64
	if p.Token != "" {
		if err := e.unseal("activities", p.Token, &after); err != nil {
			return nil, "", err
		}
	}
	err = e.store.Read(ctx, func(v View) error {
		records, err := v.Records(ActivityRecord, after, n+1)
		if err != nil {
			return err
		}
		if len(records) > n {
			records = records[:n]
			next = e.seal("activities", records[n-1].ID)
		}
		for i := range records {
			a, err := e.activityOf(&records[i])
			if err != nil {
				return err
			}
			list = append(list, a)
		}
		return nil
	})
	return list, next, err
}

// DeleteActivity removes an activity. One that is not there is no error. Tasks
// that wait for a worker of it go on waiting.
func (e *Engine) DeleteActivity(ctx context.Context, arn string) error {
	name, err := e.activityName(arn)
	if errors.Is(err, ErrActivityNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return e.unit(func(t *tx) error {
		r, err := t.t.Record(ActivityRecord, name)
		if err != nil || r == nil {
			return err
		}
		t.AfterCommit(func() { e.pollers.forget(name) })
		_, tags, err := tagsOf(t.t, arn)
		if err != nil {
			return err
		}
		if err := putTags(t, arn, tags, nil); err != nil {
			return err
		}
		return t.t.DeleteRecord(r.ID)
	})
}

// GetActivityTask waits until ctx ends for a task of an activity and gives it to
// the worker. token is "" when none came.
func (e *Engine) GetActivityTask(ctx context.Context, arn, worker string) (token string, input []byte, err error) {
	if worker != "" {
		if err := checkName(worker); err != nil {
			return "", nil, err
		}
	}
	a, err := e.DescribeActivity(context.WithoutCancel(ctx), arn)
	if err != nil {
		return "", nil, err
	}
	wake, leave := e.pollers.join(a.ID)
	defer leave()
	for {
		row, err := e.nextTask(ctx, a.ID)
		if err != nil {
			return "", nil, err
		}
		if row != nil {
			token, input, err = e.pick(ctx, row, worker)
			e.pollers.release(row.Key)
			if err != nil {
				e.pollers.signal(a.ID) // another may have more luck
			}
			if err != nil || token != "" {
				return token, input, err
			}
			continue
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return "", nil, nil
		case <-e.ctx.Done():
			return "", nil, ErrClosed
		}
	}
}

// nextTask claims the oldest task of an activity that nobody has claimed; nil: none.
func (e *Engine) nextTask(ctx context.Context, activity int64) (row *CommandRow, err error) {
	err = e.store.Read(ctx, func(v View) error {
		// The oldest may all be claimed by others, and be more by now than they were.
		for n := e.pollers.claimed() + 1; ; n *= 2 {
			rows, err := v.Commands(activity, CommandKey{}, n)
			if err != nil {
				return err
			}
			for i := range rows {
				if e.pollers.claim(rows[i].Key) {
					row = &rows[i]
					return nil
				}
			}
			if len(rows) < n {
				return nil
			}
		}
	})
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	return row, err
}

// pick hands a task to a worker. token is "" when the task is over.
func (e *Engine) pick(ctx context.Context, row *CommandRow, worker string) (token string, input []byte, err error) {
	var c interp.Command
	err = e.store.Read(ctx, func(v View) (err error) {
		c, err = interp.DecodeCommand(row.Data, docs(v, row.Key.Execution))
		return err
	})
	if err != nil {
		return "", nil, err
	}
	in := interp.Input{Kind: interp.Picked, Event: row.Key.Event, At: e.now(), Worker: worker}
	// Whoever asked may be gone by now: the answer is awaited all the same, since the task is.
	v, err := e.ask(context.WithoutCancel(ctx), row.Key.Execution, in)
	if err != nil || v != interp.Accepted {
		return "", nil, err
	}
	if c.Input != nil {
		input = c.Input.Bytes()
	}
	return e.Token(row.Key.Execution, row.Key.Event), input, nil
}

// pollers are those who wait for tasks of activities, in the order in which they
// came, and the tasks that are being handed out.
type pollers struct {
	mu     sync.Mutex
	queues map[int64][]*poller
	claims map[CommandKey]bool
	ids    map[string]int64 // of activities, by name
}

type poller struct{ wake chan struct{} }

// join adds one who waits.
func (p *pollers) join(activity int64) (wake <-chan struct{}, leave func()) {
	w := &poller{make(chan struct{}, 1)}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.queues == nil {
		p.queues = map[int64][]*poller{}
	}
	p.queues[activity] = append(p.queues[activity], w)
	return w.wake, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		q := p.queues[activity]
		for i := range q {
			if q[i] == w {
				q = append(q[:i:i], q[i+1:]...)
				break
			}
		}
		if len(q) == 0 {
			delete(p.queues, activity)
		} else {
			p.queues[activity] = q
		}
		if len(w.wake) > 0 {
			p.signalLocked(activity) // the task it was woken for is another's now
		}
	}
}

// signal wakes the one who has waited longest for a task that is there now.
func (p *pollers) signal(activity int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signalLocked(activity)
}

// signalAll wakes everyone who waits.
func (p *pollers) signalAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for activity, q := range p.queues {
		for range q {
			p.signalLocked(activity)
		}
	}
}

func (p *pollers) signalLocked(activity int64) {
	for _, w := range p.queues[activity] {
		select {
		case w.wake <- struct{}{}:
			return
		default: // woken already
		}
	}
}

func (p *pollers) claim(k CommandKey) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.claims[k] {
		return false
	}
	if p.claims == nil {
		p.claims = map[CommandKey]bool{}
	}
	p.claims[k] = true
	return true
}

func (p *pollers) release(k CommandKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.claims, k)
}

func (p *pollers) claimed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.claims)
}

func (p *pollers) know(name string, id int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ids == nil {
		p.ids = map[string]int64{}
	}
	p.ids[name] = id
}

func (p *pollers) forget(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.ids, name)
}

// loadActivities reads which activities there are.
func (e *Engine) loadActivities(ctx context.Context) error {
	return e.store.Read(ctx, func(v View) error {
		after := int64(0)
		for {
			records, err := v.Records(ActivityRecord, after, maxPage)
			if err != nil || len(records) == 0 {
				return err
			}
			for _, r := range records {
				e.pollers.know(r.Name, r.ID)
				after = r.ID
			}
		}
	})
}

// activityID returns the id of an activity, or ErrActivityNotFound.
func (e *Engine) activityID(arn string) (int64, error) {
	name, err := e.activityName(arn)
	if err != nil {
		return 0, err
	}
	e.pollers.mu.Lock()
	defer e.pollers.mu.Unlock()
	if id := e.pollers.ids[name]; id != 0 {
		return id, nil
	}
	return 0, fail(ErrActivityNotFound, "%s", arn)
}

func (e *Engine) hasActivity(arn string) bool {
	_, err := e.activityID(arn)
	return err == nil
}
