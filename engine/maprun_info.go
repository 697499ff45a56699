package engine

import (
	"context"
	"errors"
	"time"

	"millrace/engine/interp"
)

// ErrMapRunNotFound says that there is no map run of an ARN.
var ErrMapRunNotFound = errors.New("map run does not exist")

// MapRunInfo is what DescribeMapRun tells.
type MapRunInfo struct {
	ARN          string
	ExecutionARN string // that the Map state is in
	MachineARN   string // with the label of the Map state
	Status       interp.Status
	Started      time.Time
	Stopped      time.Time // zero: running

	MaxConcurrency             int64 // 0: the service's most
	ToleratedFailurePercentage float64
	ToleratedFailureCount      int64
	Items                      MapRunCounts
	Executions                 MapRunCounts
}

// findMapRun returns a map run's row by its ARN.
func (e *Engine) findMapRun(v View, arn string) (*MapRunRow, error) {
	a, err := parseARN(arn)
	switch {
	case err != nil:
		return nil, err
	case a.kind != "mapRun":
		return nil, fail(ErrInvalidARN, "Resource type not valid in this context: %s", a.kind)
	case !e.ours(arn):
		return nil, fail(ErrMapRunNotFound, "%s", arn)
	}
	id, err := v.MapRunNamed(mapRunName(arn))
	if err != nil {
		return nil, err
	}
	if id == 0 {
		return nil, fail(ErrMapRunNotFound, "%s", arn)
	}
	row, err := v.MapRun(id)
	if err == nil && row == nil {
		err = fail(ErrMapRunNotFound, "%s", arn)
	}
	return row, err
}

func (e *Engine) mapRunInfo(v View, row *MapRunRow) (MapRunInfo, error) {
	h, err := decodeMapHead(row)
	if err != nil {
		return MapRunInfo{}, err
	}
	i := MapRunInfo{
		ARN: e.mapRunARN(row.Name), Status: h.Status, Started: milliseconds(h.Started), Stopped: milliseconds(h.Stopped),
		MaxConcurrency: h.MaxConcurrency, ToleratedFailurePercentage: h.Percentage, ToleratedFailureCount: h.Count,
		Items: h.Items, Executions: h.Executions,
	}
	if h.Known > i.Items.Total {
		i.Items.Pending += h.Known - i.Items.Total
		i.Items.Total = h.Known
	}
	owner, err := e.mapOwner(v, row.ID)
	if err != nil {
		return i, err
	}
	i.MachineARN = owner.ARN
	x, err := v.Load(row.Execution)
	if err != nil || x == nil {
		return i, err
	}
	m, err := e.machineByID(v, x.Machine)
	if err != nil {
		return i, err
	}
	if !x.Named {
		x.Name = e.naming.name(x.ID)
	}
	i.ExecutionARN = e.executionARN(m, x.ID, x.Name)
	return i, nil
}

// DescribeMapRun returns a map run.
func (e *Engine) DescribeMapRun(ctx context.Context, arn string) (i MapRunInfo, err error) {
	err = e.store.Read(ctx, func(v View) error {
		row, err := e.findMapRun(v, arn)
		if err != nil {
			return err
		}
		i, err = e.mapRunInfo(v, row)
		return err
	})
	return i, err
}

// ListMapRuns returns the map runs of an execution, newest first, and the token
// of the next page.
func (e *Engine) ListMapRuns(ctx context.Context, executionARN string, p Page) (list []MapRunInfo, next string, err error) {
	n, err := p.max()
	if err != nil {
		return nil, "", err
	}
	purpose := "mapruns/" + executionARN
	var before int64
	if p.Token != "" {
		if err := e.unseal(purpose, p.Token, &before); err != nil {
			return nil, "", err
		}
	}
	err = e.store.Read(ctx, func(v View) error {
		x, _, err := e.findExecution(v, executionARN)
		if err != nil {
			return err
		}
		rows, err := v.MapRuns(x.ID, before, n+1)
		if err != nil {
			return err
		}
		if len(rows) > n {
			rows = rows[:n]
			next = e.seal(purpose, rows[n-1].ID)
		}
		for _, row := range rows {
			i, err := e.mapRunInfo(v, row)
			if err != nil {
				return err
			}
			list = append(list, i)
		}
		return nil
	})
	return list, next, err
}

// UpdateMapRun asks for a change of a map run that has not ended. What is nil stays.
type UpdateMapRun struct {
	ARN                        string
	MaxConcurrency             *int64   // 0: the service's most
	ToleratedFailurePercentage *float64 // 0 to 100
	ToleratedFailureCount      *int64
}

// UpdateMapRun changes a map run while it runs. Children that run already go on.
func (e *Engine) UpdateMapRun(ctx context.Context, u UpdateMapRun) error {
	switch {
	case u.MaxConcurrency != nil && *u.MaxConcurrency < 0:
		return fail(ErrInvalidInput, "maxConcurrency: %d is less than 0", *u.MaxConcurrency)
	case u.ToleratedFailureCount != nil && *u.ToleratedFailureCount < 0:
		return fail(ErrInvalidInput, "toleratedFailureCount: %d is less than 0", *u.ToleratedFailureCount)
	case u.ToleratedFailurePercentage != nil && !(*u.ToleratedFailurePercentage >= 0 && *u.ToleratedFailurePercentage <= 100):
		return fail(ErrInvalidInput, "toleratedFailurePercentage: %v is not from 0 to 100", *u.ToleratedFailurePercentage)
	}
	return e.unit(func(t *tx) error {
		row, err := e.findMapRun(t.t, u.ARN)
		if err != nil {
			return err
		}
		if !row.Running {
			return fail(ErrInvalidInput, "Map Run is not running: %s", u.ARN)
		}
		h, err := decodeMapHead(row)
		if err != nil {
			return err
		}
		if u.MaxConcurrency != nil {
			h.MaxConcurrency = *u.MaxConcurrency
		}
		if u.ToleratedFailureCount != nil {
			h.Count, h.Tolerated = *u.ToleratedFailureCount, true
		}
		if u.ToleratedFailurePercentage != nil {
			h.Percentage, h.Tolerated = *u.ToleratedFailurePercentage, true
		}
		row.Head = h.encode()
		t.AfterCommit(func() { e.maps.wake(row.ID) })
		return t.t.UpdateMapRun(row)
	})
}

// childID finds a map run's child by its ARN, whose parts are a.
func (e *Engine) childID(v View, arn string, a stateARN) (int64, *machine, error) {
	missing := fail(ErrExecutionNotFound, "%s", arn)
	if len(a.parts) < 2 || !e.ours(arn) {
		return 0, nil, missing
	}
	id, ok := e.naming.id(a.parts[1])
	if !ok {
		return 0, nil, missing
	}
	row, err := v.Load(id)
	if err != nil {
		return 0, nil, err
	}
	if row == nil || row.Machine >= 0 {
		return 0, nil, missing
	}
	m, err := e.machineByID(v, row.Machine)
	if err != nil {
		return 0, nil, err
	}
	if e.executionARN(m, id, e.naming.name(id)) != arn {
		return 0, nil, missing
	}
	return id, m, nil
}

// childrenOf returns what the children of a map run have for a machine.
func (e *Engine) childrenOf(ctx context.Context, arn string) (machine int64, err error) {
	err = e.store.Read(ctx, func(v View) error {
		row, err := e.findMapRun(v, arn)
		if err == nil {
			machine = -row.ID
		}
		return err
	})
	return machine, err
}

// mapRunARNOf returns the ARN of a run; "" when it is gone.
func (e *Engine) mapRunARNOf(v View, run int64) string {
	row, err := v.MapRun(run)
	if err != nil || row == nil {
		return ""
	}
	return e.mapRunARN(row.Name)
}
