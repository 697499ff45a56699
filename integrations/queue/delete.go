package queue

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"

	"millrace/engine"
	"millrace/integrations/wire"
	"millrace/tasks"
)

// A receipt handle is a message's id and the count of its receipts, sealed with
// the queue's secret.
const handleBytes = 8 + 8 + 16

func (q *record) handle(id, receives int64) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(id))
	b = binary.BigEndian.AppendUint64(b, uint64(receives))
	return base64.StdEncoding.EncodeToString(append(b, q.seal(b)...))
}

func (q *record) seal(b []byte) []byte {
	h := hmac.New(sha256.New, q.secret)
	h.Write(b)
	return h.Sum(nil)[:16]
}

// open reads a receipt handle of this queue.
func (q *record) open(handle string) (id, receives int64, err error) {
	if handle == "" {
		return 0, 0, missing("ReceiptHandle")
	}
	b, err := base64.StdEncoding.DecodeString(handle)
	if err != nil || len(b) != handleBytes || !hmac.Equal(q.seal(b[:16]), b[16:]) {
		return 0, 0, &tasks.Error{Code: "ReceiptHandleIsInvalid", Status: 404, Message: `The input receipt handle "` + cut(handle) + `" is not a valid receipt handle.`}
	}
	return int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:])), nil
}

func cut(s string) string {
	if len(s) > 100 {
		return s[:100] + "..."
	}
	return s
}

// Delete removes a received message. One that is gone, or was received again
// since, is left alone without an error.
func (s *Service) Delete(tx engine.Tx, urlOrARN, handle string) error {
	q, err := find(tx, urlOrARN)
	if err != nil {
		return err
	}
	return s.remove(tx, q, handle)
}

func (s *Service) remove(tx engine.Tx, q *record, handle string) error {
	id, receives, err := q.open(handle)
	if err != nil {
		return err
	}
	if err := deleteMessages(tx, q.id, id, receives); err != nil {
		return err
	}
	if q.settings.FIFO {
		tx.Notify(Key(q.name)) // the group is free
	}
	return nil
}

const maxVisibility = 43200

// ChangeVisibility hides a received message for seconds from now; 0 gives it back.
func (s *Service) ChangeVisibility(tx engine.Tx, urlOrARN, handle string, seconds int64) error {
	q, err := find(tx, urlOrARN)
	if err != nil {
		return err
	}
	return s.hide(tx, q, handle, &seconds)
}

func (s *Service) hide(tx engine.Tx, q *record, handle string, seconds *int64) error {
	id, receives, err := q.open(handle)
	if err != nil {
		return err
	}
	if seconds == nil {
		return missing("VisibilityTimeout")
	}
	if *seconds < 0 || *seconds > maxVisibility {
		return invalid("VisibilityTimeout", *seconds, "VisibilityTimeout must be an integer between 0 and 43200.")
	}
	now := tx.Now().UnixMilli()
	visible, first, found, err := messageState(tx, q.id, id, receives)
	switch {
	case err != nil:
		return err
	case !found:
		return invalid("ReceiptHandle", cut(handle), "Message does not exist or is not available for visibility timeout change.")
	case visible <= now:
		return tasks.Errorf("MessageNotInflight", "The message referred to isn't in flight.")
	case receives == 1 && now+*seconds*1000 > first+maxVisibility*1000:
		return invalid("VisibilityTimeout", *seconds, "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]")
	}
	if err := setVisible(tx, id, now+*seconds*1000); err != nil {
		return err
	}
	tx.Notify(Key(q.name))
	return nil
}

type handleRequest struct {
	ID         string `json:"Id"`
	Handle     string `json:"ReceiptHandle"`
	Visibility *int64 `json:"VisibilityTimeout"`
}

func (s *Service) deleteMessage(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	return s.onHandle(tx, in, s.remove)
}

func (s *Service) changeMessageVisibility(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	return s.onHandle(tx, in, nil)
}

// onHandle runs remove, or for nil a change of visibility.
func (s *Service) onHandle(tx engine.Tx, in json.RawMessage, remove func(engine.Tx, *record, string) error) (any, error) {
	var req struct {
		QueueURL string `json:"QueueUrl"`
		handleRequest
	}
	if err := wire.Decode(in, &req); err != nil {
		return nil, err
	}
	q, err := find(tx, req.QueueURL)
	if err != nil {
		return nil, err
	}
	if remove != nil {
		return nil, remove(tx, q, req.Handle)
	}
	return nil, s.hide(tx, q, req.Handle, req.Visibility)
}

func (s *Service) deleteMessageBatch(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	return s.onHandles(tx, in, "DeleteMessageBatchRequestEntry", func(q *record, e handleRequest) error {
		return s.remove(tx, q, e.Handle)
	})
}

func (s *Service) changeMessageVisibilityBatch(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	return s.onHandles(tx, in, "ChangeMessageVisibilityBatchRequestEntry", func(q *record, e handleRequest) error {
		return s.hide(tx, q, e.Handle, e.Visibility)
	})
}

func (s *Service) onHandles(tx engine.Tx, in json.RawMessage, kind string, f func(*record, handleRequest) error) (any, error) {
	type done struct {
		ID string `json:"Id"`
	}
	var req struct {
		QueueURL string          `json:"QueueUrl"`
		Entries  []handleRequest `json:"Entries"`
	}
	if err := wire.Decode(in, &req); err != nil {
		return nil, err
	}
	q, err := find(tx, req.QueueURL)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(req.Entries))
	for i, e := range req.Entries {
		ids[i] = e.ID
	}
	if err := checkBatch(kind, ids); err != nil {
		return nil, err
	}
	var out batchResult[done]
	for _, e := range req.Entries {
		err := f(q, e)
		if err == nil {
			out.Successful = append(out.Successful, done{e.ID})
		}
		if err := out.fail(e.ID, err); err != nil {
			return nil, err
		}
	}
	return out, nil
}
