// Package tasks is what all services share: an embedded service is a table of
// operations, and its wire front, its optimised resource ARNs, its aws-sdk
// resource ARNs and its callers inside the process all lead to the same entries.
package tasks

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"millrace/engine"
)

// Operation is one API operation of a service, such as SendMessage. Input and
// output are JSON in the service's own shape, members spelled as its API spells
// them. Exactly one of Write, Read and Wait is set. Errors for the caller are
// [*Error]; any other error is the server's own failure.
type Operation struct {
	Name string // as the API spells it

	// Write runs inside a unit: it reads and checks first, writes last, touches
	// nothing but tx and may run again.
	Write func(tx engine.Tx, c Caller, in json.RawMessage) (any, error)
	// Read runs on the read pool.
	Read func(ctx context.Context, r engine.Reader, c Caller, in json.RawMessage) (any, error)
	// Wait may block: long polls, functions, HTTP. It is called at least once.
	Wait func(ctx context.Context, c Caller, in json.RawMessage) (any, error)

	// Texts lists string members, Entries.MessageBody for one inside a list,
	// that a task state may give as JSON of any kind: its text is what is meant.
	Texts []string

	// Keys names what Write touches, such as queue/Q or table/T/pk. nil: the service's name.
	Keys func(in json.RawMessage) []string
	// Savepoint says that Write may fail with an *Error after its first write.
	Savepoint bool
	// Lost is for Wait.
	Lost engine.LostPolicy
}

// Caller says on whose behalf an operation runs. The zero value is a plain API call.
type Caller struct {
	Key          string // idempotency key of a task's call; "" for API calls
	Token        string // task token, with .waitForTaskToken
	ExecutionARN string
	Source       string // IP address of an API client
	UserAgent    string
	RequestID    string
}

// Service is a service as task states see it.
type Service struct {
	Name       string // in ARNs and signatures: sqs, dynamodb, s3, sns, lambda
	SDKService string // in aws-sdk ARNs, where it is another: sfn, eventbridge; "": Name
	SDKName    string // in aws-sdk error names: Sqs, DynamoDb, S3, Sns, Lambda
	Title      string // in optimised error names: SQS, DynamoDB, S3, SNS, Lambda
	JavaName   string // in optimised causes, "(Service: AmazonSQS; ...)": AmazonSQS, AmazonDynamoDBv2, AmazonSNS, AWSLambda
	// Camel says that the API spells members camelCase. Resource ARNs spell them PascalCase.
	Camel      bool
	Operations []Operation
	// Exceptions are the error codes that the API declares. A task state sees
	// others under the client's general exception, such as
	// DynamoDB.AmazonDynamoDBException. nil: every code counts as declared.
	Exceptions []string
	// ErrorCodes are the codes in optimised causes where they are not the exceptions' own.
	ErrorCodes map[string]string
	// ExtendedID says that sdk causes end in an Extended Request ID, as S3's do.
	ExtendedID bool
	// Optimised lists the operations with an optimised ARN, arn:aws:states:::sqs:sendMessage.
	Optimised []string
}

// Find returns the operation of a name, or nil.
func (s *Service) Find(name string) *Operation {
	for i := range s.Operations {
		if s.Operations[i].Name == name {
			return &s.Operations[i]
		}
	}
	return nil
}

// Error is an error of a service, under the service's own exception name.
type Error struct {
	Code    string // ResourceNotFoundException
	Message string
	Status  int            // HTTP; 0: 400
	Fields  map[string]any // further members of the error's shape
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Errorf makes an Error of status 400.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Status: 400}
}

// Host is what a service sees of the engine.
type Host interface {
	// Do runs f as a unit and returns once it is committed; f may run more than once.
	Do(ctx context.Context, keys []string, f func(engine.Tx) error) error
	// Read runs f on the read pool.
	Read(ctx context.Context, f func(engine.Reader) error) error
	// Watch calls f after each commit that notified key, and when a time given to
	// WakeAt for the key has come. f must not block. stop ends it.
	Watch(key string, f func()) (stop func())
	// WakeAt signals key's watchers at t, in memory only.
	WakeAt(key string, t time.Time)
	// Now is the host's time, in whole milliseconds.
	Now() time.Time
	// Region and Account of ARNs.
	Region() string
	Account() string
}
