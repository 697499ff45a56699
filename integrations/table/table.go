// Package table is a table service with the operations, expressions, limits and
// errors of DynamoDB: items under a hash key or a hash and a range key,
// condition, update, filter, projection and key condition expressions,
// transactions, and streams of changes. It keeps its items in the engine's
// database, so a task state's write and the event that reports it commit together.
package table

import (
	"context"
	"embed"
	"encoding/json"
	"io/fs"
	"log/slog"
	"strings"
	"sync"

	"millrace/engine"
	"millrace/tasks"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the service's tables.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}

// Service is the table service. It is safe for concurrent use.
type Service struct {
	host    tasks.Host
	log     *slog.Logger
	service *tasks.Service
	streams *tasks.Service
	sweeper *sweeper
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// New makes the service. It owns one goroutine, which Close ends. log may be
// nil: slog.Default.
func New(h tasks.Host, log *slog.Logger) *Service {
	if log == nil {
		log = slog.Default()
	}
	s := &Service{host: h, log: log, sweeper: newSweeper(h, log)}
	s.service = s.table()
	s.streams = s.streamTable()
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.done.Go(func() { s.sweeper.run(ctx) })
	return s
}

// Close ends the service's goroutine and waits for it.
func (s *Service) Close() error {
	s.stop()
	s.done.Wait()
	return nil
}

// Service is the operation table of DynamoDB.
func (s *Service) Service() *tasks.Service { return s.service }

// Streams is the operation table of DynamoDB Streams.
func (s *Service) Streams() *tasks.Service { return s.streams }

// Key is the notification key of a table's stream: it is signalled when there
// are new records.
func Key(table string) string { return "table/" + table }

// ARN returns a table's ARN.
func (s *Service) ARN(name string) string {
	return "arn:aws:dynamodb:" + s.host.Region() + ":" + s.host.Account() + ":table/" + name
}

// nameOf returns the name in a table's ARN, or the name itself.
func nameOf(nameOrARN string) string {
	if i := strings.Index(nameOrARN, ":table/"); i >= 0 && strings.HasPrefix(nameOrARN, "arn:") {
		nameOrARN, _, _ = strings.Cut(nameOrARN[i+len(":table/"):], "/")
	}
	return nameOrARN
}

func validation(format string, args ...any) error {
	return tasks.Errorf("ValidationException", format, args...)
}

// exceptions are those that DynamoDB declares of the ones used here.
// ValidationException is not declared.
var exceptions = []string{
	"ConditionalCheckFailedException", "IdempotentParameterMismatchException", "InternalServerError",
	"ItemCollectionSizeLimitExceededException", "LimitExceededException", "ProvisionedThroughputExceededException",
	"RequestLimitExceeded", "ResourceInUseException", "ResourceNotFoundException", "TableAlreadyExistsException",
	"TableInUseException", "TableNotFoundException", "ThrottlingException", "TransactionCanceledException",
	"TransactionConflictException", "TransactionInProgressException",
}

// table is DynamoDB as operations.
func (s *Service) table() *tasks.Service {
	write := func(name string, f func(engine.Tx, tasks.Caller, json.RawMessage) (any, error)) tasks.Operation {
		return tasks.Operation{Name: name, Write: f, Keys: keysOf}
	}
	return &tasks.Service{
		Name: "dynamodb", SDKName: "DynamoDb", Title: "DynamoDB", JavaName: "AmazonDynamoDBv2",
		Optimised:  []string{"GetItem", "PutItem", "UpdateItem", "DeleteItem"},
		Exceptions: exceptions,
		Operations: []tasks.Operation{
			write("CreateTable", s.createTable),
			write("DeleteTable", s.deleteTable),
			write("UpdateTable", s.updateTable),
			{Name: "DescribeTable", Read: s.describeTable},
			{Name: "ListTables", Read: s.listTables},
			write("TagResource", s.tagResource),
			write("UntagResource", s.untagResource),
			{Name: "ListTagsOfResource", Read: s.listTagsOfResource},
			write("UpdateTimeToLive", s.updateTimeToLive),
			{Name: "DescribeTimeToLive", Read: s.describeTimeToLive},
			write("PutItem", s.putItem),
			write("UpdateItem", s.updateItem),
			write("DeleteItem", s.deleteItem),
			{Name: "GetItem", Read: s.getItem},
			{Name: "Query", Read: s.query},
			{Name: "Scan", Read: s.scan},
			write("BatchWriteItem", s.batchWriteItem),
			{Name: "BatchGetItem", Read: s.batchGetItem},
			write("TransactWriteItems", s.transactWriteItems),
			{Name: "TransactGetItems", Read: s.transactGetItems},
		},
	}
}

// keysOf names the table that an input is about. Batches and transactions name
// them where they are written; their units are short, and they take the service's key.
func keysOf(in json.RawMessage) []string {
	var t struct {
		Name string `json:"TableName"`
		ARN  string `json:"ResourceArn"`
	}
	if tasks.Decode(in, &t) != nil {
		return nil // the operation fails the same way, before it writes
	}
	switch {
	case t.Name != "":
		return []string{Key(nameOf(t.Name))}
	case t.ARN != "":
		return []string{Key(nameOf(t.ARN))}
	}
	return []string{"table"}
}
