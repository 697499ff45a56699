package stepfunctions

import (
	"context"
	"errors"
	"time"

	"millrace/engine"
)

type sendTaskInput struct {
	Token  string  `json:"taskToken"`
	Output string  `json:"output"`
	Error  *string `json:"error"`
	Cause  *string `json:"cause"`
}

func (s *Service) sendTaskSuccess(ctx context.Context, in *sendTaskInput) (any, error) {
	if why := jsonFault(in.Output); why != "" {
		return nil, fault("InvalidOutput", "Invalid Output: '%s'", why)
	}
	return nil, translated(s.engine.SendTaskSuccess(ctx, in.Token, []byte(in.Output)), "")
}

func (s *Service) sendTaskFailure(ctx context.Context, in *sendTaskInput) (any, error) {
	return nil, translated(s.engine.SendTaskFailure(ctx, in.Token, in.Error, in.Cause), "")
}

func (s *Service) sendTaskHeartbeat(ctx context.Context, in *sendTaskInput) (any, error) {
	return nil, translated(s.engine.SendTaskHeartbeat(ctx, in.Token), "")
}

// activity is an activity as it is created, described and listed.
type activity struct {
	ARN        string                   `json:"activityArn"`
	Name       string                   `json:"name,omitempty"`
	Created    stamp                    `json:"creationDate"`
	Encryption *encryptionConfiguration `json:"encryptionConfiguration,omitempty"`
}

type createActivityInput struct {
	Name       string                   `json:"name"`
	Tags       []engine.Tag             `json:"tags"`
	Encryption *encryptionConfiguration `json:"encryptionConfiguration"`
}

func (s *Service) createActivity(ctx context.Context, in *createActivityInput) (any, error) {
	if err := checkName(in.Name); err != nil {
		return nil, err
	}
	if err := in.Encryption.check(); err != nil {
		return nil, err
	}
	a, err := s.engine.CreateActivity(ctx, in.Name)
	if err != nil {
		return nil, translated(err, in.Name)
	}
	if len(in.Tags) > 0 {
		if err := s.engine.Tag(ctx, a.ARN, in.Tags); err != nil {
			return nil, translated(err, a.ARN)
		}
	}
	return activity{ARN: a.ARN, Created: stamp(a.Created)}, nil
}

type activityARN struct {
	ARN    string `json:"activityArn"`
	Worker string `json:"workerName"`
}

func (s *Service) describeActivity(ctx context.Context, in *activityARN) (any, error) {
	if err := checkActivity(in.ARN); err != nil {
		return nil, err
	}
	a, err := s.engine.DescribeActivity(ctx, in.ARN)
	if err != nil {
		return nil, translated(err, in.ARN)
	}
	return activity{a.ARN, a.Name, stamp(a.Created), &encryptionConfiguration{"AWS_OWNED_KEY"}}, nil
}

func (s *Service) deleteActivity(ctx context.Context, in *activityARN) (any, error) {
	if err := checkActivity(in.ARN); err != nil {
		return nil, err
	}
	err := s.engine.DeleteActivity(ctx, in.ARN)
	if errors.Is(err, engine.ErrActivityNotFound) {
		err = nil
	}
	return nil, translated(err, in.ARN)
}

func (s *Service) listActivities(ctx context.Context, in *pages) (any, error) {
	activities, next, err := s.engine.ListActivities(ctx, engine.Page{Max: in.MaxResults, Token: in.NextToken})
	if err != nil {
		return nil, translated(err, "")
	}
	items := make([]activity, len(activities))
	for i, a := range activities {
		items[i] = activity{ARN: a.ARN, Name: a.Name, Created: stamp(a.Created)}
	}
	return struct {
		Activities []activity `json:"activities"`
		Next       string     `json:"nextToken,omitempty"`
	}{items, next}, nil
}

// poll is how long GetActivityTask waits for a task.
const poll = 60 * time.Second

// getActivityTask waits for a task; after a while without one it answers with
// a null token, and the worker asks again.
func (s *Service) getActivityTask(ctx context.Context, in *activityARN) (any, error) {
	if err := checkActivity(in.ARN); err != nil {
		return nil, err
	}
	if err := checkName(in.Worker); err != nil {
		return nil, err
	}
	ctx, done := context.WithTimeout(ctx, poll)
	defer done()
	token, input, err := s.engine.GetActivityTask(ctx, in.ARN, in.Worker)
	if err != nil {
		return nil, translated(err, in.ARN)
	}
	type answer struct {
		Token *string `json:"taskToken"`
		Input *string `json:"input"`
	}
	if token == "" {
		return answer{}, nil
	}
	text := string(input)
	return answer{&token, &text}, nil
}
