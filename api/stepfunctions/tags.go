package stepfunctions

import (
	"context"

	"millrace/engine"
)

type tagInput struct {
	ARN  string       `json:"resourceArn"`
	Tags []engine.Tag `json:"tags"`
	Keys []string     `json:"tagKeys"`
}

func checkTagged(arn string) error { return checkARN(arn, "stateMachine", "activity") }

func (s *Service) tagResource(ctx context.Context, in *tagInput) (any, error) {
	if err := checkTagged(in.ARN); err != nil {
		return nil, err
	}
	return nil, translated(s.engine.Tag(ctx, in.ARN, in.Tags), in.ARN)
}

func (s *Service) untagResource(ctx context.Context, in *tagInput) (any, error) {
	if err := checkTagged(in.ARN); err != nil {
		return nil, err
	}
	return nil, translated(s.engine.Untag(ctx, in.ARN, in.Keys), in.ARN)
}

func (s *Service) listTagsForResource(ctx context.Context, in *tagInput) (any, error) {
	if err := checkTagged(in.ARN); err != nil {
		return nil, err
	}
	tags, err := s.engine.Tags(ctx, in.ARN)
	if err != nil {
		return nil, translated(err, in.ARN)
	}
	if tags == nil {
		tags = []engine.Tag{}
	}
	return struct {
		Tags []engine.Tag `json:"tags"`
	}{tags}, nil
}
