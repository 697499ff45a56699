package objectstore

import (
	"errors"
	"net/http"

	"millrace/tasks"
)

// fault makes an error of the store. Its fields appear in the XML of the answer.
func fault(status int, code, message string, fields ...string) *tasks.Error {
	e := &tasks.Error{Code: code, Message: message, Status: status}
	for i := 0; i+1 < len(fields); i += 2 {
		if e.Fields == nil {
			e.Fields = map[string]any{}
		}
		e.Fields[fields[i]] = fields[i+1]
	}
	return e
}

func noSuchBucket(bucket string) *tasks.Error {
	return fault(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist", "BucketName", bucket)
}

func noSuchKey(key string) *tasks.Error {
	return fault(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.", "Key", key)
}

func noSuchUpload(id string) *tasks.Error {
	return fault(http.StatusNotFound, "NoSuchUpload",
		"The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.", "UploadId", id)
}

func preconditionFailed(condition string) *tasks.Error {
	return fault(http.StatusPreconditionFailed, "PreconditionFailed",
		"At least one of the pre-conditions you specified did not hold", "Condition", condition)
}

func invalidArgument(message, name, value string) *tasks.Error {
	return fault(http.StatusBadRequest, "InvalidArgument", message, "ArgumentName", name, "ArgumentValue", cut(value))
}

// cut shortens user text for a message.
func cut(s string) string {
	if len(s) > 100 {
		return s[:100] + "..."
	}
	return s
}

// isFault reports whether err is an error for the caller with the code.
func isFault(err error, code string) bool {
	var e *tasks.Error
	return errors.As(err, &e) && e.Code == code
}
