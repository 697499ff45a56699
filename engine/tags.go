package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// MaxTags is the most tags of a resource.
const MaxTags = 50

// Tag is a label of a state machine or an activity.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// tagged says whether a resource is there that can have tags.
func (e *Engine) tagged(v View, arn string) error {
	a, err := parseARN(arn)
	if err != nil {
		return err
	}
	kind, ok := map[string]RecordKind{machineKind: MachineRecord, activityKind: ActivityRecord}[a.kind]
	if !ok {
		return fail(ErrInvalidARN, "Resource type not valid in this context: %s", a.kind)
	}
	if len(a.parts) == 1 && e.ours(arn) {
		r, err := v.Record(kind, a.parts[0])
		if err != nil || r != nil {
			return err
		}
	}
	return fail(ErrResourceNotFound, "%s", arn)
}

// tagsOf reads a resource's tags. id is that of their record, 0: there is none.
func tagsOf(v View, arn string) (tags []Tag, id int64, err error) {
	r, err := v.Record(TagRecord, arn)
	if err != nil || r == nil {
		return nil, 0, err
	}
	if err := json.Unmarshal(r.Data, &tags); err != nil {
		return nil, 0, fmt.Errorf("tags of %s: %w", arn, err)
	}
	return tags, r.ID, nil
}

// putTags stores a resource's tags; none remove the record.
func putTags(t *tx, arn string, id int64, tags []Tag) (err error) {
	if len(tags) == 0 {
		if id == 0 {
			return nil
		}
		return t.t.DeleteRecord(id)
	}
	if len(tags) > MaxTags {
		return fail(ErrTooManyTags, "%s", arn)
	}
	if id == 0 {
		if id, err = t.ID(); err != nil {
			return err
		}
	}
	data, err := json.Marshal(tags)
	if err != nil {
		return err
	}
	return t.t.PutRecord(Record{ID: id, Kind: TagRecord, Name: arn, Data: data})
}

// merged adds tags to others; one of the same key takes the older one's place.
func merged(old, added []Tag) []Tag {
	for _, a := range added {
		if i := slices.IndexFunc(old, func(t Tag) bool { return t.Key == a.Key }); i >= 0 {
			old[i] = a
		} else {
			old = append(old, a)
		}
	}
	return old
}

// Tags returns the tags of a state machine or an activity, in the order in which
// they were added. Errors are ErrResourceNotFound and ErrInvalidARN.
func (e *Engine) Tags(ctx context.Context, arn string) (tags []Tag, err error) {
	err = e.store.Read(ctx, func(v View) error {
		if err := e.tagged(v, arn); err != nil {
			return err
		}
		tags, _, err = tagsOf(v, arn)
		return err
	})
	return tags, err
}

// Tag adds tags. Errors are also ErrTooManyTags.
func (e *Engine) Tag(ctx context.Context, arn string, tags []Tag) error {
	return e.retag(ctx, arn, func(old []Tag) []Tag { return merged(old, tags) })
}

// Untag removes the tags of these keys.
func (e *Engine) Untag(ctx context.Context, arn string, keys []string) error {
	return e.retag(ctx, arn, func(old []Tag) []Tag {
		return slices.DeleteFunc(old, func(t Tag) bool { return slices.Contains(keys, t.Key) })
	})
}

func (e *Engine) retag(ctx context.Context, arn string, change func([]Tag) []Tag) error {
	if err := e.store.Read(ctx, func(v View) error { return e.tagged(v, arn) }); err != nil {
		return err
	}
	return e.unit(func(t *tx) error {
		if err := e.tagged(t.t, arn); err != nil {
			return err
		}
		old, id, err := tagsOf(t.t, arn)
		if err != nil {
			return err
		}
		return putTags(t, arn, id, change(old))
	})
}
