package trail

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"millrace/engine"
	"millrace/tasks"
)

// trail is a trail as it is stored. Times are ms since 1970, 0: never.
type trail struct {
	name, bucket, prefix string
	settings             settings
	selectors            selectors
	logging              bool
	started, stopped     int64
	delivered, attempted int64
	deliveryError        string
}

// settings are accepted and told again, and have no effect.
type settings struct {
	SnsTopicName               string `json:"SnsTopicName,omitempty"`
	IncludeGlobalServiceEvents bool   `json:"IncludeGlobalServiceEvents"`
	IsMultiRegionTrail         bool   `json:"IsMultiRegionTrail"`
	LogFileValidationEnabled   bool   `json:"LogFileValidationEnabled"`
	CloudWatchLogsLogGroupARN  string `json:"CloudWatchLogsLogGroupArn,omitempty"`
	CloudWatchLogsRoleARN      string `json:"CloudWatchLogsRoleArn,omitempty"`
	KmsKeyID                   string `json:"KmsKeyId,omitempty"`
	IsOrganizationTrail        bool   `json:"IsOrganizationTrail"`
}

func (t *trail) encode() (settings, selectors string, err error) {
	a, err := json.Marshal(t.settings)
	if err != nil {
		return "", "", fmt.Errorf("settings of trail %s: %w", t.name, err)
	}
	if t.selectors.empty() {
		return string(a), "", nil
	}
	b, err := json.Marshal(t.selectors)
	if err != nil {
		return "", "", fmt.Errorf("selectors of trail %s: %w", t.name, err)
	}
	return string(a), string(b), nil
}

func (t *trail) decode(settings, selectors string) error {
	if err := json.Unmarshal([]byte(settings), &t.settings); err != nil {
		return fmt.Errorf("settings of trail %s: %w", t.name, err)
	}
	if selectors == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(selectors), &t.selectors); err != nil {
		return fmt.Errorf("selectors of trail %s: %w", t.name, err)
	}
	return nil
}

// maxTrails is how many trails a region has.
const maxTrails = 5

var (
	trailName  = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	addressed  = regexp.MustCompile(`^\d+\.\d+\.\d+\.\d+$`)
)

func checkName(name string) error {
	fault := func(format string, args ...any) error {
		return tasks.Errorf("InvalidTrailNameException", format, args...)
	}
	switch {
	case name == "":
		return fault("Trail name cannot be blank!")
	case len(name) < 3:
		return fault("Trail name too short. Minimum allowed length: 3 characters. Specified name length: %d characters.", len(name))
	case len(name) > 128:
		return fault("Trail name too long. Maximum allowed length: 128 characters. Specified name length: %d characters.", len(name))
	case !trailName.MatchString(name):
		return fault("Trail name must start and end with a letter or number, and have only letters, numbers, periods, dashes and underscores between.")
	case strings.ContainsAny(name, ".-_") && adjacent(name):
		return fault("Trail name must not have adjacent periods, dashes or underscores.")
	case addressed.MatchString(name):
		return fault("Trail name must not be formatted as an IP address.")
	}
	return nil
}

// adjacent reports whether two of . - _ stand side by side.
func adjacent(name string) bool {
	for i := 1; i < len(name); i++ {
		if strings.IndexByte(".-_", name[i-1]) >= 0 && strings.IndexByte(".-_", name[i]) >= 0 {
			return true
		}
	}
	return false
}

// nameOf returns the name in a trail's name or ARN.
func (s *Service) nameOf(nameOrARN string) (string, error) {
	if !strings.HasPrefix(nameOrARN, "arn:") {
		return nameOrARN, checkName(nameOrARN)
	}
	parts := strings.SplitN(nameOrARN, ":", 6)
	if len(parts) != 6 || parts[2] != "cloudtrail" || !strings.HasPrefix(parts[5], "trail/") {
		return "", tasks.Errorf("CloudTrailARNInvalidException", "Trail ARN %s is not valid: want %s.", short(nameOrARN), s.arn("NAME"))
	}
	return strings.TrimPrefix(parts[5], "trail/"), nil
}

// find reads a trail by name or ARN. A missing one is TrailNotFoundException.
func (s *Service) find(r engine.Reader, nameOrARN string) (*trail, error) {
	name, err := s.nameOf(nameOrARN)
	if err != nil {
		return nil, err
	}
	all, err := trails(r, selectTrail, name)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, tasks.Errorf("TrailNotFoundException", "Unknown trail: %s for the user: %s", s.arn(name), s.host.Account())
	}
	return all[0], nil
}

// trailInput is what CreateTrail and UpdateTrail take. Members left out keep their value.
type trailInput struct {
	Name                       string  `json:"Name"`
	S3BucketName               *string `json:"S3BucketName"`
	S3KeyPrefix                *string `json:"S3KeyPrefix"`
	SnsTopicName               *string `json:"SnsTopicName"`
	IncludeGlobalServiceEvents *bool   `json:"IncludeGlobalServiceEvents"`
	IsMultiRegionTrail         *bool   `json:"IsMultiRegionTrail"`
	EnableLogFileValidation    *bool   `json:"EnableLogFileValidation"`
	CloudWatchLogsLogGroupARN  *string `json:"CloudWatchLogsLogGroupArn"`
	CloudWatchLogsRoleARN      *string `json:"CloudWatchLogsRoleArn"`
	KmsKeyID                   *string `json:"KmsKeyId"`
	IsOrganizationTrail        *bool   `json:"IsOrganizationTrail"`
}

// apply changes a trail as an input says.
func (in *trailInput) apply(t *trail) error {
	set(&t.bucket, in.S3BucketName)
	set(&t.prefix, in.S3KeyPrefix)
	set(&t.settings.SnsTopicName, in.SnsTopicName)
	set(&t.settings.IncludeGlobalServiceEvents, in.IncludeGlobalServiceEvents)
	set(&t.settings.IsMultiRegionTrail, in.IsMultiRegionTrail)
	set(&t.settings.LogFileValidationEnabled, in.EnableLogFileValidation)
	set(&t.settings.CloudWatchLogsLogGroupARN, in.CloudWatchLogsLogGroupARN)
	set(&t.settings.CloudWatchLogsRoleARN, in.CloudWatchLogsRoleARN)
	set(&t.settings.KmsKeyID, in.KmsKeyID)
	set(&t.settings.IsOrganizationTrail, in.IsOrganizationTrail)
	switch {
	case !bucketName.MatchString(t.bucket):
		return tasks.Errorf("InvalidS3BucketNameException", "Bucket name %q is not valid.", short(t.bucket))
	case len(t.prefix) > 200:
		return tasks.Errorf("InvalidS3PrefixException", "S3 prefix too long: %d characters, at most 200 are allowed.", len(t.prefix))
	case t.settings.IsMultiRegionTrail && !t.settings.IncludeGlobalServiceEvents:
		return tasks.Errorf("InvalidParameterCombinationException", "Multi-Region trail must include global service events.")
	}
	return nil
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// answer is a trail as CreateTrail, UpdateTrail and GetTrail tell of it.
type answer struct {
	Name         string `json:"Name"`
	S3BucketName string `json:"S3BucketName"`
	S3KeyPrefix  string `json:"S3KeyPrefix,omitempty"`
	settings
	TrailARN string `json:"TrailARN"`
}

type description struct {
	answer
	HomeRegion              string `json:"HomeRegion"`
	HasCustomEventSelectors bool   `json:"HasCustomEventSelectors"`
	HasInsightSelectors     bool   `json:"HasInsightSelectors"`
}

func (s *Service) answer(t *trail) answer {
	return answer{Name: t.name, S3BucketName: t.bucket, S3KeyPrefix: t.prefix, settings: t.settings, TrailARN: s.arn(t.name)}
}

func (s *Service) describe(t *trail) description {
	return description{answer: s.answer(t), HomeRegion: s.host.Region(), HasCustomEventSelectors: !t.selectors.empty()}
}

func (s *Service) createTrail(tx engine.Tx, in json.RawMessage) (any, error) {
	var p trailInput
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	if err := checkName(p.Name); err != nil {
		return nil, err
	}
	all, err := trails(tx, selectTrails)
	if err != nil {
		return nil, err
	}
	for _, t := range all {
		if t.name == p.Name {
			return nil, tasks.Errorf("TrailAlreadyExistsException", "Trail %s already exists for customer: %s", p.Name, s.host.Account())
		}
	}
	if len(all) >= maxTrails {
		return nil, tasks.Errorf("MaximumNumberOfTrailsExceededException", "User: %s already has %d trails in %s.", s.host.Account(), len(all), s.host.Region())
	}
	t := &trail{name: p.Name, settings: settings{IncludeGlobalServiceEvents: true}}
	if err := p.apply(t); err != nil {
		return nil, err
	}
	return s.answer(t), t.insert(tx)
}

func (s *Service) updateTrail(tx engine.Tx, in json.RawMessage) (any, error) {
	var p trailInput
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	t, err := s.find(tx, p.Name)
	if err != nil {
		return nil, err
	}
	if err := p.apply(t); err != nil {
		return nil, err
	}
	return s.answer(t), t.update(tx)
}

// named reads the trail that an input names.
func (s *Service) named(r engine.Reader, in json.RawMessage) (*trail, error) {
	var p struct {
		Name string `json:"Name"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	return s.find(r, p.Name)
}

func (s *Service) deleteTrail(tx engine.Tx, in json.RawMessage) (any, error) {
	t, err := s.named(tx, in)
	if err != nil {
		return nil, err
	}
	if err := exec(tx, dropPending, t.name); err != nil {
		return nil, err
	}
	return nil, exec(tx, removeTrail, t.name)
}

func (s *Service) startLogging(tx engine.Tx, in json.RawMessage) (any, error) {
	t, err := s.named(tx, in)
	if err != nil || t.logging {
		return nil, err
	}
	t.logging, t.started = true, tx.Now().UnixMilli()
	return nil, t.update(tx)
}

func (s *Service) stopLogging(tx engine.Tx, in json.RawMessage) (any, error) {
	t, err := s.named(tx, in)
	if err != nil || !t.logging {
		return nil, err
	}
	t.logging, t.stopped = false, tx.Now().UnixMilli()
	return nil, t.update(tx)
}

func (s *Service) getTrail(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	t, err := s.named(r, in)
	if err != nil {
		return nil, err
	}
	return struct {
		Trail description `json:"Trail"`
	}{s.describe(t)}, nil
}

// describeTrails tells of the trails asked for; those that are not there are left out.
func (s *Service) describeTrails(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	var p struct {
		Names []string `json:"trailNameList"`
	}
	if err := tasks.Decode(in, &p); err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, n := range p.Names {
		name, err := s.nameOf(n)
		if err != nil {
			return nil, err
		}
		wanted[name] = true
	}
	all, err := trails(r, selectTrails)
	out := struct {
		Trails []description `json:"trailList"`
	}{[]description{}}
	for _, t := range all {
		if len(wanted) == 0 || wanted[t.name] {
			out.Trails = append(out.Trails, s.describe(t))
		}
	}
	return out, err
}

func (s *Service) listTrails(_ context.Context, r engine.Reader, _ tasks.Caller, _ json.RawMessage) (any, error) {
	type entry struct {
		TrailARN   string `json:"TrailARN"`
		Name       string `json:"Name"`
		HomeRegion string `json:"HomeRegion"`
	}
	all, err := trails(r, selectTrails)
	out := struct {
		Trails []entry `json:"Trails"`
	}{[]entry{}}
	for _, t := range all {
		out.Trails = append(out.Trails, entry{s.arn(t.name), t.name, s.host.Region()})
	}
	return out, err
}

func (s *Service) getTrailStatus(_ context.Context, r engine.Reader, _ tasks.Caller, in json.RawMessage) (any, error) {
	t, err := s.named(r, in)
	if err != nil {
		return nil, err
	}
	return struct {
		IsLogging                      bool      `json:"IsLogging"`
		LatestDeliveryError            string    `json:"LatestDeliveryError,omitempty"`
		LatestDeliveryTime             time.Time `json:"LatestDeliveryTime,omitempty"`
		StartLoggingTime               time.Time `json:"StartLoggingTime,omitempty"`
		StopLoggingTime                time.Time `json:"StopLoggingTime,omitempty"`
		LatestDeliveryAttemptTime      string    `json:"LatestDeliveryAttemptTime"`
		LatestNotificationAttemptTime  string    `json:"LatestNotificationAttemptTime"`
		LatestDeliveryAttemptSucceeded string    `json:"LatestDeliveryAttemptSucceeded"`
		TimeLoggingStarted             string    `json:"TimeLoggingStarted"`
		TimeLoggingStopped             string    `json:"TimeLoggingStopped"`
	}{
		IsLogging: t.logging, LatestDeliveryError: t.deliveryError, LatestDeliveryTime: timeOf(t.delivered),
		StartLoggingTime: timeOf(t.started), StopLoggingTime: timeOf(t.stopped),
		LatestDeliveryAttemptTime: stamp(t.attempted), LatestDeliveryAttemptSucceeded: stamp(t.delivered),
		TimeLoggingStarted: stamp(t.started), TimeLoggingStopped: stamp(t.stopped),
	}, nil
}

// timeForm is the form of times in records.
const timeForm = "2006-01-02T15:04:05Z"

// stamp is a time's text; "": never.
func stamp(ms int64) string {
	if ms == 0 {
		return ""
	}
	return timeOf(ms).Format(timeForm)
}

// short cuts a caller's text for an error message.
func short(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
