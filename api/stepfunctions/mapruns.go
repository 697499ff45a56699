package stepfunctions

import (
	"context"
	"errors"

	"millrace/engine"
)

func checkMapRun(s string) error { return checkARN(s, "mapRun") }

// mapRunCounts are the counters of a map run's items or executions.
type mapRunCounts struct {
	Pending        int64 `json:"pending"`
	Running        int64 `json:"running"`
	Succeeded      int64 `json:"succeeded"`
	Failed         int64 `json:"failed"`
	TimedOut       int64 `json:"timedOut"`
	Aborted        int64 `json:"aborted"`
	Total          int64 `json:"total"`
	ResultsWritten int64 `json:"resultsWritten"`
	Lost           int64 `json:"failuresNotRedrivable"` // none is: a redriven Map begins another run
	Redrive        int64 `json:"pendingRedrive"`
}

func countsOf(c engine.MapRunCounts) mapRunCounts {
	return mapRunCounts{
		Pending: c.Pending, Running: c.Running, Succeeded: c.Succeeded, Failed: c.Failed, TimedOut: c.TimedOut, Aborted: c.Aborted,
		Total: c.Total, ResultsWritten: c.ResultsWritten,
	}
}

type mapRunInput struct {
	ARN            string   `json:"mapRunArn"`
	MaxConcurrency *int64   `json:"maxConcurrency"`
	Percentage     *float64 `json:"toleratedFailurePercentage"`
	Count          *int64   `json:"toleratedFailureCount"`
}

func (s *Service) describeMapRun(ctx context.Context, in *mapRunInput) (any, error) {
	if err := checkMapRun(in.ARN); err != nil {
		return nil, err
	}
	r, err := s.engine.DescribeMapRun(ctx, in.ARN)
	if err != nil {
		return nil, translated(err, in.ARN)
	}
	return struct {
		ARN            string       `json:"mapRunArn"`
		Execution      string       `json:"executionArn"`
		Status         string       `json:"status"`
		Started        stamp        `json:"startDate"`
		Stopped        *stamp       `json:"stopDate,omitempty"`
		MaxConcurrency int64        `json:"maxConcurrency"`
		Percentage     float64      `json:"toleratedFailurePercentage"`
		Count          int64        `json:"toleratedFailureCount"`
		Items          mapRunCounts `json:"itemCounts"`
		Executions     mapRunCounts `json:"executionCounts"`
		Redrives       int          `json:"redriveCount"`
	}{r.ARN, r.ExecutionARN, string(r.Status), stamp(r.Started), when(r.Stopped), r.MaxConcurrency,
		r.ToleratedFailurePercentage, r.ToleratedFailureCount, countsOf(r.Items), countsOf(r.Executions), 0}, nil
}

type listMapRunsInput struct {
	ARN string `json:"executionArn"`
	pages
}

// mapRunItem is a map run as it is listed.
type mapRunItem struct {
	Execution string `json:"executionArn"`
	ARN       string `json:"mapRunArn"`
	Machine   string `json:"stateMachineArn"`
	Started   stamp  `json:"startDate"`
	Stopped   *stamp `json:"stopDate,omitempty"`
}

func (s *Service) listMapRuns(ctx context.Context, in *listMapRunsInput) (any, error) {
	if err := checkExecution(in.ARN); err != nil {
		return nil, err
	}
	runs, next, err := s.engine.ListMapRuns(ctx, in.ARN, engine.Page{Max: in.MaxResults, Token: in.NextToken})
	if err != nil {
		return nil, translated(err, in.ARN)
	}
	items := make([]mapRunItem, len(runs))
	for i, r := range runs {
		items[i] = mapRunItem{r.ExecutionARN, r.ARN, r.MachineARN, stamp(r.Started), when(r.Stopped)}
	}
	return struct {
		Runs []mapRunItem `json:"mapRuns"`
		Next string       `json:"nextToken,omitempty"`
	}{items, next}, nil
}

func (s *Service) updateMapRun(ctx context.Context, in *mapRunInput) (any, error) {
	if err := checkMapRun(in.ARN); err != nil {
		return nil, err
	}
	err := s.engine.UpdateMapRun(ctx, engine.UpdateMapRun{
		ARN: in.ARN, MaxConcurrency: in.MaxConcurrency, ToleratedFailurePercentage: in.Percentage, ToleratedFailureCount: in.Count,
	})
	if f := new(engine.Fault); errors.Is(err, engine.ErrInvalidInput) && errors.As(err, &f) {
		return nil, fault("ValidationException", "%s", f.Detail)
	}
	return nil, translated(err, in.ARN)
}
