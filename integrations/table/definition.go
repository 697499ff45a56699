package table

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"millrace/engine"
	"millrace/tasks"
)

// definition is what makes a table, as it is stored.
type definition struct {
	Attributes  []attributeDefinition `json:"AttributeDefinitions"`
	Keys        []keyElement          `json:"KeySchema"`
	BillingMode string                `json:"BillingMode,omitempty"`
	Throughput  *throughput           `json:"ProvisionedThroughput,omitempty"`
	Stream      *streamSpecification  `json:"StreamSpecification,omitempty"`
	Class       string                `json:"TableClass,omitempty"`
	Protected   bool                  `json:"DeletionProtectionEnabled"`
	TableID     string                `json:"TableId,omitempty"`
	TimeToLive  *timeToLive           `json:"TimeToLive,omitempty"`
	Tags        []tag                 `json:"Tags,omitempty"`
	StreamID    int64                 `json:"StreamId,omitempty"` // of the running stream; 0: none
	StreamLabel string                `json:"StreamLabel,omitempty"`
}

type attributeDefinition struct {
	Name string `json:"AttributeName"`
	Type string `json:"AttributeType"`
}

type keyElement struct {
	Name string `json:"AttributeName"`
	Type string `json:"KeyType"`
}

type throughput struct {
	Read  int64 `json:"ReadCapacityUnits"`
	Write int64 `json:"WriteCapacityUnits"`
}

type streamSpecification struct {
	Enabled bool   `json:"StreamEnabled"`
	View    string `json:"StreamViewType,omitempty"`
}

// record is a table as it is loaded.
type record struct {
	name    string
	id      int64
	created int64
	def     definition
	schema  schema
}

// build fills in what follows from the definition.
func (t *record) build() {
	kind := func(name string) string {
		for _, a := range t.def.Attributes {
			if a.Name == name {
				return a.Type
			}
		}
		return String
	}
	for i, k := range t.def.Keys {
		a := keyAttribute{k.Name, kind(k.Name)}
		if i == 0 {
			t.schema.hash = a
		} else {
			t.schema.rang = a
		}
	}
}

// createInput is the input of CreateTable and UpdateTable.
type createInput struct {
	Name string `json:"TableName"`
	definition
	GlobalIndexes []json.RawMessage `json:"GlobalSecondaryIndexes"`
	LocalIndexes  []json.RawMessage `json:"LocalSecondaryIndexes"`
	IndexUpdates  []json.RawMessage `json:"GlobalSecondaryIndexUpdates"`
	Replicas      []json.RawMessage `json:"ReplicaUpdates"`
	Protect       *bool             `json:"DeletionProtectionEnabled"`
}

// check refuses what makes no table.
func (in *createInput) check() error {
	if len(in.GlobalIndexes)+len(in.LocalIndexes)+len(in.IndexUpdates) > 0 {
		return validation("Secondary indexes are not supported here.")
	}
	name := nameOf(in.Name)
	if len(name) < 3 || len(name) > 255 {
		return validation("TableName must be at least 3 characters long and at most 255 characters long")
	}
	var c checks
	c.table(in.Name)
	c.required("attributeDefinitions", in.Attributes != nil)
	c.required("keySchema", in.Keys != nil)
	c.enum("billingMode", in.BillingMode, "PROVISIONED", "PAY_PER_REQUEST")
	for i, a := range in.Attributes {
		c.enum("attributeDefinitions."+itoa(i+1)+".member.attributeType", a.Type, "B", "N", "S")
	}
	for i, k := range in.Keys {
		c.enum("keySchema."+itoa(i+1)+".member.keyType", k.Type, "HASH", "RANGE")
	}
	if in.Stream != nil {
		c.enum("streamSpecification.streamViewType", in.Stream.View, views...)
	}
	if err := c.err(); err != nil {
		return err
	}
	if err := in.checkKeys(); err != nil {
		return err
	}
	return in.checkThroughput()
}

func (in *createInput) checkKeys() error {
	bad := func(format string, args ...any) error {
		return validation("One or more parameter values were invalid: "+format, args...)
	}
	switch {
	case len(in.Keys) == 0 || len(in.Keys) > 2:
		return validation("1 validation error detected: Value '[]' at 'keySchema' failed to satisfy constraint: Member must have length less than or equal to 2 and greater than or equal to 1")
	case in.Keys[0].Type != "HASH":
		return validation("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
	case len(in.Keys) == 2 && in.Keys[1].Type != "RANGE":
		return validation("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
	case len(in.Keys) == 2 && in.Keys[0].Name == in.Keys[1].Name:
		return validation("Both the Hash Key and the Range Key element in the KeySchema have the same name")
	}
	for _, k := range in.Keys {
		if !slices.ContainsFunc(in.Attributes, func(a attributeDefinition) bool { return a.Name == k.Name }) {
			return bad("Some index key attributes are not defined in AttributeDefinitions. Keys: %v, AttributeDefinitions: %v", keyNames(in.Keys), attributeNames(in.Attributes))
		}
	}
	if len(in.Attributes) != len(in.Keys) {
		return bad("Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions")
	}
	return nil
}

func (in *createInput) checkThroughput() error {
	switch {
	case in.BillingMode == "PAY_PER_REQUEST" && in.Throughput != nil:
		return validation("One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST")
	case in.BillingMode != "PAY_PER_REQUEST" && in.Throughput == nil:
		return validation("One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED")
	case in.Stream != nil && in.Stream.Enabled && in.Stream.View == "":
		return validation("One or more parameter values were invalid: StreamViewType is required when StreamEnabled is true")
	case in.Stream != nil && !in.Stream.Enabled && in.Stream.View != "":
		return validation("One or more parameter values were invalid: Stream is not enabled, StreamViewType must not be specified")
	}
	return nil
}

func keyNames(keys []keyElement) []string {
	var out []string
	for _, k := range keys {
		out = append(out, k.Name)
	}
	return out
}

func attributeNames(list []attributeDefinition) []string {
	var out []string
	for _, a := range list {
		out = append(out, a.Name)
	}
	return out
}

func (s *Service) createTable(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req createInput
	if err := tasks.Decode(in, &req); err != nil {
		return nil, err
	}
	if err := req.check(); err != nil {
		return nil, err
	}
	name := nameOf(req.Name)
	old, err := load(tx, name)
	if err != nil {
		return nil, err
	}
	if old != nil {
		return nil, tasks.Errorf("ResourceInUseException", "Table already exists: %s", name)
	}
	t := &record{name: name, created: tx.Now().UnixMilli(), def: req.definition}
	t.def.Protected = req.Protect != nil && *req.Protect
	if t.id, err = tx.ID(); err != nil {
		return nil, err
	}
	t.def.TableID = tasks.RequestID(s.ARN(name) + itoa64(t.id))
	t.build()
	if err := s.startStream(tx, t, req.Stream); err != nil {
		return nil, err
	}
	if err := insertTable(tx, t); err != nil {
		return nil, err
	}
	return tableAnswer{s.describe(t, 0, 0)}, nil
}

func (s *Service) deleteTable(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	t, err := s.named(tx, in)
	if err != nil {
		return nil, err
	}
	if t.def.Protected {
		return nil, validation("Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.")
	}
	if err := s.endStream(tx, t); err != nil {
		return nil, err
	}
	if err := removeTable(tx, t); err != nil {
		return nil, err
	}
	tx.AfterCommit(s.sweeper.wake)
	out := s.describe(t, 0, 0)
	out.Status = "DELETING"
	return tableAnswer{out}, nil
}

func (s *Service) updateTable(tx engine.Tx, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req createInput
	if err := tasks.Decode(in, &req); err != nil {
		return nil, err
	}
	t, err := s.named(tx, in)
	if err != nil {
		return nil, err
	}
	if len(req.IndexUpdates)+len(req.Replicas) > 0 {
		return nil, validation("Secondary indexes and replicas are not supported here.")
	}
	if req.BillingMode == "" && req.Throughput == nil && req.Stream == nil && req.Class == "" && req.Protect == nil {
		return nil, validation("At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required")
	}
	switch req.BillingMode {
	case "PAY_PER_REQUEST":
		t.def.BillingMode, t.def.Throughput = req.BillingMode, nil
	case "PROVISIONED":
		t.def.BillingMode = req.BillingMode
	}
	if req.Throughput != nil {
		t.def.Throughput = req.Throughput
	}
	if req.Class != "" {
		t.def.Class = req.Class
	}
	if req.Protect != nil {
		t.def.Protected = *req.Protect
	}
	if st := req.Stream; st != nil {
		switch {
		case st.Enabled && t.def.StreamID != 0:
			return nil, validation("Table already has an enabled stream: TableName: %s", t.name)
		case !st.Enabled && t.def.StreamID == 0:
			return nil, validation("Table has no stream to disable: TableName: %s", t.name)
		case st.Enabled && !slices.Contains(views, st.View):
			return nil, validation("One or more parameter values were invalid: StreamViewType is required when StreamEnabled is true")
		case st.Enabled:
			err = s.startStream(tx, t, st)
		default:
			err = s.endStream(tx, t)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := updateTable(tx, t); err != nil {
		return nil, err
	}
	return tableAnswer{s.describe(t, 0, 0)}, nil
}

type tableAnswer struct {
	Table description `json:"TableDescription"`
}

// description is a TableDescription.
type description struct {
	Attributes []attributeDefinition `json:"AttributeDefinitions"`
	Name       string                `json:"TableName"`
	Keys       []keyElement          `json:"KeySchema"`
	Status     string                `json:"TableStatus"`
	Created    time.Time             `json:"CreationDateTime"`
	Throughput provisioned           `json:"ProvisionedThroughput"`
	Size       int64                 `json:"TableSizeBytes"`
	Items      int64                 `json:"ItemCount"`
	ARN        string                `json:"TableArn"`
	ID         string                `json:"TableId"`
	Billing    *billing              `json:"BillingModeSummary,omitempty"`
	Stream     *streamSpecification  `json:"StreamSpecification,omitempty"`
	Label      string                `json:"LatestStreamLabel,omitempty"`
	StreamARN  string                `json:"LatestStreamArn,omitempty"`
	Class      *tableClass           `json:"TableClassSummary,omitempty"`
	Protected  bool                  `json:"DeletionProtectionEnabled"`
}

type provisioned struct {
	Decreases int64 `json:"NumberOfDecreasesToday"`
	Read      int64 `json:"ReadCapacityUnits"`
	Write     int64 `json:"WriteCapacityUnits"`
}

type billing struct {
	Mode string    `json:"BillingMode"`
	Last time.Time `json:"LastUpdateToPayPerRequestDateTime,omitempty"`
}

type tableClass struct {
	Class string `json:"TableClass"`
}

func (s *Service) describe(t *record, items, size int64) description {
	d := description{
		Attributes: t.def.Attributes, Name: t.name, Keys: t.def.Keys, Status: "ACTIVE", Created: time.UnixMilli(t.created).UTC(),
		ARN: s.ARN(t.name), ID: t.def.TableID, Items: items, Size: size, Protected: t.def.Protected,
	}
	if t.def.Throughput != nil {
		d.Throughput.Read, d.Throughput.Write = t.def.Throughput.Read, t.def.Throughput.Write
	}
	if t.def.BillingMode == "PAY_PER_REQUEST" {
		d.Billing = &billing{t.def.BillingMode, d.Created}
	}
	if t.def.Class != "" {
		d.Class = &tableClass{t.def.Class}
	}
	if t.def.StreamID != 0 {
		d.Stream = t.def.Stream
	}
	if t.def.StreamLabel != "" {
		d.Label, d.StreamARN = t.def.StreamLabel, s.streamARN(t.name, t.def.StreamLabel)
	}
	return d
}

func (s *Service) describeTable(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	t, err := s.named(r, in)
	if err != nil {
		return nil, err
	}
	items, size, err := tableSize(r, t.id)
	return struct {
		Table description `json:"Table"`
	}{s.describe(t, items, size)}, err
}

// named reads the table that an operation on tables is about.
func (s *Service) named(r engine.Reader, in json.RawMessage) (*record, error) {
	var req struct {
		Name string `json:"TableName"`
	}
	if err := tasks.Decode(in, &req); err != nil {
		return nil, err
	}
	var c checks
	c.table(req.Name)
	if err := c.err(); err != nil {
		return nil, err
	}
	t, err := load(r, nameOf(req.Name))
	if err == nil && t == nil {
		err = noTable(nameOf(req.Name))
	}
	return t, err
}

// find reads the table of an operation on items.
func find(r engine.Reader, name string) (*record, error) {
	t, err := load(r, nameOf(name))
	if err == nil && t == nil {
		return nil, errNoTable
	}
	return t, err
}

func (s *Service) listTables(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var req struct {
		Start string `json:"ExclusiveStartTableName"`
		Limit *int   `json:"Limit"`
	}
	if err := tasks.Decode(in, &req); err != nil {
		return nil, err
	}
	var c checks
	c.atLeast("limit", req.Limit, 1)
	c.atMost("limit", req.Limit, 100)
	if err := c.err(); err != nil {
		return nil, err
	}
	most := 100
	if req.Limit != nil {
		most = *req.Limit
	}
	names, err := tableNames(r, req.Start, most+1)
	if err != nil {
		return nil, err
	}
	out := struct {
		Names []string `json:"TableNames"`
		Last  string   `json:"LastEvaluatedTableName,omitempty"`
	}{Names: names}
	if len(names) > most {
		out.Names, out.Last = names[:most], names[most-1]
	}
	if out.Names == nil {
		out.Names = []string{}
	}
	return out, nil
}
