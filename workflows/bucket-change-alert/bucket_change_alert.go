// Package bucketchangealert is the bucket-change alert as a workflow: a change
// to the website's bucket makes a trail record, an event rule matches it and
// starts an execution, which notifies a topic and asks a person.
package bucketchangealert

import "embed"

// Files holds template.yaml and the state machine that it names.
//
//go:embed template.yaml machines
var Files embed.FS
