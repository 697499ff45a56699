package template

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"io"
	"io/fs"
	"path"
	"strings"

	"millrace/asl/document"
	"millrace/tasks"
)

// kind says how resources of a type are made.
type kind struct {
	properties string // the properties that have an effect, space separated
	ignored    string // properties that are accepted and have none: permissions, tags, capacity
	globals    string // the section of Globals that applies
	inert      bool   // the whole type has no effect here
	make       func(d *deployment, r resource) (made, error)
}

// resource is a resource whose properties are resolved.
type resource struct {
	*Resource
	p  *document.Object
	at string // pointer of its properties
}

// mappingExtras are properties of mappings that are handed on as they are.
const mappingExtras = "FilterCriteria BisectBatchOnFunctionError MaximumRecordAgeInSeconds ParallelizationFactor ScalingConfig"

// kinds are the supported types. Those of permissions are accepted without
// effect: nothing is refused for want of a permission here.
var kinds = map[string]kind{
	"AWS::SQS::Queue": {
		properties: "QueueName DelaySeconds MaximumMessageSize MessageRetentionPeriod ReceiveMessageWaitTimeSeconds VisibilityTimeout RedrivePolicy",
		ignored:    "Tags SqsManagedSseEnabled KmsMasterKeyId KmsDataKeyReusePeriodSeconds", make: makeQueue},
	"AWS::DynamoDB::Table": {
		properties: "TableName AttributeDefinitions KeySchema StreamSpecification",
		ignored:    "BillingMode ProvisionedThroughput Tags SSESpecification PointInTimeRecoverySpecification DeletionProtectionEnabled TableClass", make: makeTable},
	"AWS::Serverless::SimpleTable": {
		properties: "TableName PrimaryKey", ignored: "ProvisionedThroughput Tags SSESpecification", make: makeSimpleTable},
	"AWS::S3::Bucket": {
		properties: "BucketName",
		ignored:    "Tags AccessControl PublicAccessBlockConfiguration OwnershipControls BucketEncryption", make: makeBucket},
	"AWS::Serverless::Function": {
		properties: "FunctionName Handler Runtime CodeUri InlineCode Timeout MemorySize Environment Events Description",
		ignored:    "Role Policies Tags Architectures Tracing Layers AutoPublishAlias PermissionsBoundary LoggingConfig", globals: "Function", make: makeFunction},
	"AWS::Lambda::EventSourceMapping": {
		properties: "EventSourceArn FunctionName BatchSize Enabled StartingPosition MaximumBatchingWindowInSeconds FunctionResponseTypes MaximumRetryAttempts " + mappingExtras,
		ignored:    "Tags", make: makeMapping},
	"AWS::Pipes::Pipe": {
		properties: "Name Source SourceParameters Target TargetParameters DesiredState Description",
		ignored:    "RoleArn Tags LogConfiguration", make: makePipe},
	"AWS::Serverless::StateMachine": {
		properties: "Name Type Definition DefinitionUri DefinitionSubstitutions Role",
		ignored:    "Policies Tags Tracing Logging PermissionsBoundary", globals: "StateMachine", make: makeMachine},
	"AWS::StepFunctions::StateMachine": {
		properties: "StateMachineName StateMachineType Definition DefinitionString DefinitionSubstitutions RoleArn",
		ignored:    "Tags TracingConfiguration LoggingConfiguration", make: makeMachine},
	"AWS::SNS::Topic":        {properties: "TopicName DisplayName Subscription", ignored: "Tags KmsMasterKeyId", make: makeTopic},
	"AWS::SNS::Subscription": {properties: "TopicArn Protocol Endpoint RawMessageDelivery FilterPolicy FilterPolicyScope", make: makeSubscription},
	"AWS::Events::Rule":      {properties: "Name Description EventPattern State Targets EventBusName", ignored: "RoleArn Tags", make: makeRule},
	"AWS::CloudTrail::Trail": {
		properties: "TrailName S3BucketName S3KeyPrefix IsLogging EventSelectors AdvancedEventSelectors IsMultiRegionTrail IncludeGlobalServiceEvents EnableLogFileValidation",
		ignored:    "Tags KMSKeyId SnsTopicName CloudWatchLogsLogGroupArn CloudWatchLogsRoleArn IsOrganizationTrail", make: makeTrail},
	"AWS::IAM::Role":          {inert: true, make: makeRole},
	"AWS::IAM::Policy":        {inert: true, make: accept},
	"AWS::SQS::QueuePolicy":   {inert: true, make: accept},
	"AWS::SNS::TopicPolicy":   {inert: true, make: accept},
	"AWS::S3::BucketPolicy":   {inert: true, make: accept},
	"AWS::Lambda::Permission": {inert: true, make: accept},
	"AWS::Logs::LogGroup":     {inert: true, make: accept},
}

func accept(d *deployment, r resource) (made, error) {
	return made{ref: d.options.Stack + "-" + r.ID, action: "accepted"}, nil
}

func makeRole(d *deployment, r resource) (made, error) {
	name := d.name(r, "RoleName", 64, false)
	return made{ref: name, attributes: map[string]string{"Arn": "arn:aws:iam::" + d.target.Account() + ":role/" + name}, action: "accepted"}, nil
}

// object makes an object of alternating keys and values; nil values are left out.
func object(pairs ...any) *document.Object {
	o := document.NewObject(len(pairs) / 2)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != nil {
			o.Set(pairs[i].(string), pairs[i+1])
		}
	}
	return o
}

// pick copies the named members that are there.
func pick(from *document.Object, names ...string) *document.Object {
	o := document.NewObject(len(names))
	for _, n := range names {
		if v, ok := from.Get(n); ok {
			o.Set(n, v)
		}
	}
	return o
}

func member(o *document.Object, key string) any { v, _ := o.Get(key); return v }

func makeQueue(d *deployment, r resource) (made, error) {
	name := d.name(r, "QueueName", 80, false)
	attributes := document.NewObject(0)
	for _, k := range []string{"DelaySeconds", "MaximumMessageSize", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds", "VisibilityTimeout", "RedrivePolicy"} {
		if v, ok := r.p.Get(k); ok {
			attributes.Set(k, plain(v))
		}
	}
	var url string
	action, err := d.ensure(func() error {
		answer, err := d.call("sqs", "CreateQueue", object("QueueName", name, "Attributes", attributes))
		if err == nil {
			url = text(answer, "QueueUrl")
		}
		return err
	}, func() error {
		answer, err := d.call("sqs", "GetQueueUrl", object("QueueName", name))
		if err != nil {
			return err
		}
		url = text(answer, "QueueUrl")
		_, err = d.call("sqs", "SetQueueAttributes", object("QueueUrl", url, "Attributes", attributes))
		return err
	}, "QueueAlreadyExists", "QueueNameExists")
	return made{ref: url, attributes: map[string]string{"Arn": d.arn("sqs", name), "QueueName": name, "QueueUrl": url}, action: action}, err
}

func makeTable(d *deployment, r resource) (made, error) {
	name := d.name(r, "TableName", 255, false)
	in := pick(r.p, "AttributeDefinitions", "KeySchema")
	in.Set("TableName", name)
	in.Set("BillingMode", "PAY_PER_REQUEST")
	if s, ok := member(r.p, "StreamSpecification").(*document.Object); ok {
		s = s.Clone()
		s.Set("StreamEnabled", true)
		in.Set("StreamSpecification", s)
	}
	return d.table(name, in)
}

func makeSimpleTable(d *deployment, r resource) (made, error) {
	name := d.name(r, "TableName", 255, false)
	key, kind := "id", "S"
	if k, ok := member(r.p, "PrimaryKey").(*document.Object); ok {
		key = text(k, "Name")
		if t := text(k, "Type"); t != "" {
			kind = t[:1]
		}
	}
	return d.table(name, object("TableName", name, "BillingMode", "PAY_PER_REQUEST",
		"AttributeDefinitions", []any{object("AttributeName", key, "AttributeType", kind)},
		"KeySchema", []any{object("AttributeName", key, "KeyType", "HASH")}))
}

func (d *deployment) table(name string, in *document.Object) (made, error) {
	action, err := d.ensure(func() error {
		_, err := d.call("dynamodb", "CreateTable", in)
		return err
	}, nil, "ResourceInUseException")
	if err != nil {
		return made{}, err
	}
	answer, err := d.call("dynamodb", "DescribeTable", object("TableName", name))
	if err != nil {
		return made{}, err
	}
	m := made{ref: name, attributes: map[string]string{"Arn": d.arn("dynamodb", "table/"+name)}, action: action}
	if t, ok := member(answer, "Table").(*document.Object); ok {
		if s := text(t, "LatestStreamArn"); s != "" {
			m.attributes["StreamArn"] = s
		}
	}
	return m, nil
}

func makeBucket(d *deployment, r resource) (made, error) {
	name := d.name(r, "BucketName", 63, true)
	action, err := d.ensure(func() error {
		_, err := d.call("s3", "CreateBucket", object("Bucket", name))
		return err
	}, nil, "BucketAlreadyOwnedByYou", "BucketAlreadyExists")
	return made{ref: name, attributes: map[string]string{"Arn": "arn:aws:s3:::" + name, "DomainName": name + ".s3.amazonaws.com"}, action: action}, err
}

func makeFunction(d *deployment, r resource) (made, error) {
	name := d.name(r, "FunctionName", 64, false)
	code, err := d.code(r)
	if err != nil {
		return made{}, err
	}
	settings := pick(r.p, "Handler", "Runtime", "Timeout", "MemorySize", "Environment", "Description")
	settings.Set("FunctionName", name)
	settings.Set("Role", "arn:aws:iam::"+d.target.Account()+":role/"+name)
	create := settings.Clone()
	create.Set("Code", object("ZipFile", code))
	action, err := d.ensure(func() error {
		_, err := d.call("lambda", "CreateFunction", create)
		return err
	}, func() error {
		if _, err := d.call("lambda", "UpdateFunctionCode", object("FunctionName", name, "ZipFile", code)); err != nil {
			return err
		}
		_, err := d.call("lambda", "UpdateFunctionConfiguration", settings)
		return err
	}, "ResourceConflictException")
	if err != nil {
		return made{}, err
	}
	if events, ok := member(r.p, "Events").(*document.Object); ok {
		for i := range events.Len() {
			id, v := events.At(i)
			if err := d.functionEvent(r, name, id, v); err != nil {
				return made{}, err
			}
		}
	}
	return made{ref: name, attributes: map[string]string{"Arn": d.arn("lambda", "function:"+name)}, action: action}, nil
}

// functionEvent makes the mapping of a function's SQS or DynamoDB event.
func (d *deployment) functionEvent(r resource, function, id string, v any) error {
	at := r.at + "/Events/" + escape(id)
	event, _ := v.(*document.Object)
	if event == nil {
		return d.t.fault(at, "an event has Type and Properties")
	}
	p, _ := member(event, "Properties").(*document.Object)
	source := map[string]string{"SQS": "Queue", "DynamoDB": "Stream"}[text(event, "Type")]
	if source == "" || p == nil {
		return d.t.fault(at, "the event type %q is not supported; SQS and DynamoDB are", text(event, "Type"))
	}
	in := pick(p, append(strings.Fields(mappingExtras), "BatchSize", "Enabled", "StartingPosition", "MaximumBatchingWindowInSeconds", "FunctionResponseTypes", "MaximumRetryAttempts")...)
	in.Set("EventSourceArn", member(p, source))
	in.Set("FunctionName", function)
	_, _, err := d.mapping(in)
	return err
}

// mapping makes an event source mapping, or changes that of the same source and function.
func (d *deployment) mapping(in *document.Object) (id, action string, err error) {
	action, err = d.ensure(func() error {
		answer, err := d.call("lambda", "CreateEventSourceMapping", in)
		if err == nil {
			id = text(answer, "UUID")
		}
		return err
	}, func() error {
		answer, err := d.call("lambda", "ListEventSourceMappings", pick(in, "EventSourceArn", "FunctionName"))
		if err != nil {
			return err
		}
		list, _ := member(answer, "EventSourceMappings").([]any)
		if len(list) == 0 {
			return tasks.Errorf("ResourceNotFoundException", "the mapping went away while it was changed")
		}
		if m, ok := list[0].(*document.Object); ok {
			id = text(m, "UUID")
		}
		change := document.NewObject(in.Len())
		for i := range in.Len() {
			if name, v := in.At(i); name != "EventSourceArn" && name != "StartingPosition" {
				change.Set(name, v)
			}
		}
		change.Set("UUID", id)
		_, err = d.call("lambda", "UpdateEventSourceMapping", change)
		return err
	}, "ResourceConflictException")
	return id, action, err
}

func makeMapping(d *deployment, r resource) (made, error) {
	id, action, err := d.mapping(r.p)
	return made{ref: id, attributes: map[string]string{"Id": id}, action: action}, err
}

func makePipe(d *deployment, r resource) (made, error) {
	name := d.name(r, "Name", 64, false)
	in := pick(r.p, "Source", "SourceParameters", "Target", "TargetParameters", "DesiredState", "Description")
	in.Set("Name", name)
	action, err := d.ensure(func() error {
		_, err := d.call("pipes", "CreatePipe", in)
		return err
	}, func() error {
		_, err := d.call("pipes", "UpdatePipe", in)
		return err
	}, "ConflictException")
	return made{ref: name, attributes: map[string]string{"Arn": d.arn("pipes", "pipe/"+name)}, action: action}, err
}

func makeTopic(d *deployment, r resource) (made, error) {
	name := d.name(r, "TopicName", 256, false)
	answer, err := d.call("sns", "CreateTopic", object("Name", name))
	if err != nil {
		return made{}, err
	}
	arn := text(answer, "TopicArn")
	if v, ok := r.p.Get("DisplayName"); ok { // it may be that of a topic that is there
		if _, err := d.call("sns", "SetTopicAttributes", object("TopicArn", arn, "AttributeName", "DisplayName", "AttributeValue", plain(v))); err != nil {
			return made{}, err
		}
	}
	if list, ok := member(r.p, "Subscription").([]any); ok {
		for _, e := range list {
			if s, ok := e.(*document.Object); ok {
				if _, err := d.call("sns", "Subscribe", object("TopicArn", arn, "Protocol", member(s, "Protocol"), "Endpoint", member(s, "Endpoint"))); err != nil {
					return made{}, err
				}
			}
		}
	}
	return made{ref: arn, attributes: map[string]string{"TopicArn": arn, "TopicName": name}, action: "created"}, nil
}

func makeSubscription(d *deployment, r resource) (made, error) {
	in := pick(r.p, "TopicArn", "Protocol", "Endpoint")
	in.Set("ReturnSubscriptionArn", true) // one that is not confirmed has it too
	answer, err := d.call("sns", "Subscribe", in)
	if err != nil {
		return made{}, err
	}
	arn := text(answer, "SubscriptionArn")
	// The scope first: it says what a filter policy may look like.
	for _, name := range []string{"FilterPolicyScope", "FilterPolicy", "RawMessageDelivery"} {
		if v, ok := r.p.Get(name); ok {
			if _, err := d.call("sns", "SetSubscriptionAttributes", object("SubscriptionArn", arn, "AttributeName", name, "AttributeValue", plain(v))); err != nil {
				return made{}, err
			}
		}
	}
	return made{ref: arn, action: "created"}, nil
}

func makeRule(d *deployment, r resource) (made, error) {
	name := d.name(r, "Name", 64, false)
	in := pick(r.p, "Description", "State", "EventBusName")
	in.Set("Name", name)
	if p, ok := r.p.Get("EventPattern"); ok {
		in.Set("EventPattern", plain(p))
	}
	if _, err := d.call("events", "PutRule", in); err != nil {
		return made{}, err
	}
	if targets, ok := r.p.Get("Targets"); ok {
		if _, err := d.call("events", "PutTargets", object("Rule", name, "EventBusName", member(r.p, "EventBusName"), "Targets", targets)); err != nil {
			return made{}, err
		}
	}
	return made{ref: name, attributes: map[string]string{"Arn": d.arn("events", "rule/"+name)}, action: "created"}, nil
}

func makeTrail(d *deployment, r resource) (made, error) {
	name := d.name(r, "TrailName", 128, false)
	in := pick(r.p, "S3BucketName", "S3KeyPrefix", "IsMultiRegionTrail", "IncludeGlobalServiceEvents", "EnableLogFileValidation")
	in.Set("Name", name)
	action, err := d.ensure(func() error {
		_, err := d.call("cloudtrail", "CreateTrail", in)
		return err
	}, func() error {
		_, err := d.call("cloudtrail", "UpdateTrail", in)
		return err
	}, "TrailAlreadyExistsException")
	if err != nil {
		return made{}, err
	}
	if s := pick(r.p, "EventSelectors", "AdvancedEventSelectors"); s.Len() > 0 {
		s.Set("TrailName", name)
		if _, err := d.call("cloudtrail", "PutEventSelectors", s); err != nil {
			return made{}, err
		}
	}
	operation := "StartLogging"
	if plain(member(r.p, "IsLogging")) == "false" {
		operation = "StopLogging"
	}
	if _, err := d.call("cloudtrail", operation, object("Name", name)); err != nil {
		return made{}, err
	}
	return made{ref: name, attributes: map[string]string{"Arn": d.arn("cloudtrail", "trail/"+name)}, action: action}, nil
}

func makeMachine(d *deployment, r resource) (made, error) {
	nameProperty, kindProperty, roleProperty := "Name", "Type", "Role"
	if r.Type == "AWS::StepFunctions::StateMachine" {
		nameProperty, kindProperty, roleProperty = "StateMachineName", "StateMachineType", "RoleArn"
	}
	name := d.name(r, nameProperty, 80, false)
	definition, err := d.definition(r)
	if err != nil {
		return made{}, err
	}
	role := text(r.p, roleProperty)
	if role == "" {
		role = "arn:aws:iam::" + d.target.Account() + ":role/" + name
	}
	kind := text(r.p, kindProperty)
	if kind == "" {
		kind = "STANDARD"
	}
	arn := d.arn("states", "stateMachine:"+name)
	action, err := d.ensure(func() error {
		_, err := d.call("states", "CreateStateMachine", object("name", name, "definition", definition, "roleArn", role, "type", kind))
		return err
	}, func() error {
		_, err := d.call("states", "UpdateStateMachine", object("stateMachineArn", arn, "definition", definition, "roleArn", role))
		return err
	}, "StateMachineAlreadyExists")
	return made{ref: arn, attributes: map[string]string{"Arn": arn, "Name": name}, action: action}, err
}

// definition is the machine's ASL text with its substitutions made.
func (d *deployment) definition(r resource) (string, error) {
	var asl string
	uri, fromFile := member(r.p, "DefinitionUri").(string)
	whole, isText := member(r.p, "DefinitionString").(string)
	inline, isObject := member(r.p, "Definition").(*document.Object)
	switch {
	case fromFile:
		raw, err := d.file(uri, r.at+"/DefinitionUri")
		if err != nil {
			return "", err
		}
		asl = string(raw)
	case isText:
		asl = whole
	case isObject:
		asl = string(document.Append(nil, inline))
	default:
		return "", d.t.fault(r.at, "a state machine has a Definition or a DefinitionUri")
	}
	subs, _ := member(r.p, "DefinitionSubstitutions").(*document.Object)
	if subs == nil {
		return asl, nil
	}
	return placeholder.ReplaceAllStringFunc(asl, func(m string) string {
		parts := placeholder.FindStringSubmatch(m)
		if v, ok := subs.Get(parts[2]); ok && parts[1] == "" {
			// The value lands inside a JSON string: escape it as one.
			quoted := document.AppendString(nil, plain(v))
			return string(quoted[1 : len(quoted)-1])
		}
		return m
	}), nil
}

// maxCode is the largest folder of code that is packed, in bytes.
const maxCode = 50 << 20

// code packs a function's code as a zip file in base64. A function without
// CodeUri has an empty one: its handler is built into the program.
func (d *deployment) code(r resource) (string, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	if inline, ok := member(r.p, "InlineCode").(string); ok {
		name := "index.js"
		if strings.HasPrefix(text(r.p, "Runtime"), "python") {
			name = "index.py"
		}
		w, err := z.Create(name)
		if err != nil {
			return "", err
		}
		if _, err := io.WriteString(w, inline); err != nil {
			return "", err
		}
	} else if uri, ok := member(r.p, "CodeUri").(string); ok {
		if err := d.pack(z, uri, r.at+"/CodeUri"); err != nil {
			return "", err
		}
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(out.Bytes()), nil
}

func (d *deployment) pack(z *zip.Writer, uri, at string) error {
	root := path.Clean(uri)
	if d.options.Files == nil || !fs.ValidPath(root) {
		return d.t.fault(at, "%q: a path inside the template's folder belongs here", uri)
	}
	size := int64(0)
	err := fs.WalkDir(d.options.Files, root, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if size += info.Size(); size > maxCode {
			return d.t.fault(at, "the code has more than %d bytes", maxCode)
		}
		header, err := zip.FileInfoHeader(info)
		if err != nil {
			return err
		}
		header.Method = zip.Deflate
		if header.Name = strings.TrimPrefix(p, root+"/"); root == "." {
			header.Name = p
		}
		w, err := z.CreateHeader(header)
		if err != nil {
			return err
		}
		f, err := d.options.Files.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, f)
		return err
	})
	if err != nil {
		if _, ok := err.(Fault); ok {
			return err
		}
		return d.t.fault(at, "%v", err)
	}
	return nil
}

func (d *deployment) file(uri, at string) ([]byte, error) {
	name := path.Clean(uri)
	if d.options.Files == nil || !fs.ValidPath(name) {
		return nil, d.t.fault(at, "%q: a path inside the template's folder belongs here", uri)
	}
	raw, err := fs.ReadFile(d.options.Files, name)
	if err != nil {
		return nil, d.t.fault(at, "%v", err)
	}
	return raw, nil
}
