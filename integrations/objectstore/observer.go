package objectstore

import (
	"millrace/engine"
	"millrace/tasks"
)

// Change is one change that the store made, told to the [Observer] in its unit.
type Change struct {
	Operation  string // as the API spells it: PutObject, CompleteMultipartUpload, DeleteBucket, ...
	Bucket     string
	Key        string            // "": the bucket itself changed
	Size       int64             // of the object written
	ETag       string            // of the object written, without quotes
	Parameters map[string]string // further request parameters, spelled as in the API's records: x-id, uploadId, policy
	Caller     tasks.Caller
}

// Observer is told of each change inside the unit that makes it. Its error fails
// the unit, and with it the change.
type Observer interface {
	Changed(tx engine.Tx, c Change) error
}

func (s *Service) changed(tx engine.Tx, c Change) error {
	if s.observer == nil {
		return nil
	}
	return s.observer.Changed(tx, c)
}
