package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"millrace/cmd/internal/cli"
	"millrace/engine"
	"millrace/engine/interp"
	"millrace/engine/sqlite"
	"millrace/integrations/objectstore"
	"millrace/tasks"
)

const (
	chained = `{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Wait","Seconds":0,"Next":"C"},"C":{"Type":"Pass","End":true}}}`
	asking  = `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::approval:request.waitForTaskToken","Parameters":{"Title":"Pay?"},"Next":"B"},"B":{"Type":"Pass","End":true}}}`
)

// assembled opens a system on a folder; end closes it.
func assembled(t *testing.T, data string) (s *system, end func()) {
	t.Helper()
	s, err := assemble(context.Background(), settings{data: data, log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	end = func() {
		once.Do(func() {
			if err := s.close(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(end)
	return s, end
}

// backUp asks a system's REST door for a backup.
func backUp(s *system, to string) *httptest.ResponseRecorder {
	body, _ := json.Marshal(map[string]string{"to": to}) // text has a JSON form
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8080/v1/backup", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	r.RemoteAddr = "127.0.0.1:1"
	w := httptest.NewRecorder()
	s.rest.ServeHTTP(w, r)
	return w
}

// endOf waits for an execution's end.
func endOf(t *testing.T, s *system, arn string) engine.ExecutionInfo {
	t.Helper()
	wake := make(chan struct{}, 1)
	defer s.engine.WatchExecution(arn, func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	})()
	for {
		i, err := s.engine.DescribeExecution(t.Context(), arn)
		if err != nil {
			t.Fatal(err)
		}
		if i.Status != interp.Running {
			return i
		}
		<-wake
	}
}

// TestBackupWhileAtWork copies a state in the midst of its changes, changes more,
// and goes on from the copy.
func TestBackupWhileAtWork(t *testing.T) {
	ctx := t.Context()
	s, end := assembled(t, t.TempDir())
	machine := func(name, definition string) string {
		m, err := s.engine.CreateStateMachine(ctx, engine.CreateStateMachine{Name: name, Type: engine.Standard, Definition: definition, RoleARN: "arn:aws:iam::000000000000:role/r"})
		if err != nil {
			t.Fatal(err)
		}
		return m.ARN
	}
	chain, ask := machine("chain", chained), machine("ask", asking)
	if _, err := tasks.Invoke(ctx, s.engine, s.services["s3"], "CreateBucket", tasks.Caller{}, json.RawMessage(`{"Bucket":"bkt"}`)); err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat("0123456789", 100000)
	for _, key := range []string{"kept", "deleted"} {
		if _, err := s.objects.Write(ctx, objectstore.Put{Bucket: "bkt", Key: key}, strings.NewReader(large)); err != nil {
			t.Fatal(err)
		}
	}
	var asked []string
	for range 20 {
		x, err := s.engine.StartExecution(ctx, engine.StartInput{MachineARN: ask})
		if err != nil {
			t.Fatal(err)
		}
		asked = append(asked, x.ARN)
	}

	// Four clients start executions all the while.
	var mu sync.Mutex
	var started []string
	enough, stop := make(chan struct{}), make(chan struct{})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				x, err := s.engine.StartExecution(ctx, engine.StartInput{MachineARN: chain, Input: []byte(`{"text":"` + strings.Repeat("x", 1000) + `"}`)})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if started = append(started, x.ARN); len(started) == 500 {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	<-enough
	mu.Lock()
	before := append([]string(nil), started...)
	mu.Unlock()
	to := filepath.Join(t.TempDir(), "backups", "one")
	w := backUp(s, to)
	if want := `"objects":2,"objectBytes":2000000}`; w.Code != http.StatusCreated || !strings.Contains(w.Body.String(), want) {
		t.Errorf("got %d %s, want 201 with %s", w.Code, w.Body, want)
	}
	close(stop)
	clients.Wait()
	if _, err := tasks.Invoke(ctx, s.engine, s.services["s3"], "DeleteObject", tasks.Caller{}, json.RawMessage(`{"Bucket":"bkt","Key":"deleted"}`)); err != nil {
		t.Fatal(err)
	}
	if w := backUp(s, to); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "not empty") {
		t.Errorf("into the same folder: got %d %s", w.Code, w.Body)
	}
	for _, arn := range started {
		endOf(t, s, arn) // the original goes on
	}
	end()

	entries, err := os.ReadDir(to)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if n := e.Name(); n != sqlite.File && n != "objects" {
			t.Errorf("the backup has %s", n)
		}
	}
	s, _ = assembled(t, to)
	sound(t, s)
	for _, arn := range before {
		if i := endOf(t, s, arn); i.Status != interp.Succeeded {
			t.Errorf("%s: %s", arn, i.Status)
		}
		gapless(t, s, arn)
	}
	approveAll(t, s)
	for _, arn := range asked {
		if i := endOf(t, s, arn); i.Status != interp.Succeeded {
			t.Errorf("%s: %s", arn, i.Status)
		}
		gapless(t, s, arn)
	}
	for _, key := range []string{"kept", "deleted"} {
		o, err := s.objects.Read(ctx, "bkt", key, objectstore.ReadOptions{})
		if err != nil {
			t.Fatalf("object %s: %v", key, err)
		}
		got, err := io.ReadAll(o.Body)
		o.Body.Close()
		if err != nil || string(got) != large {
			t.Errorf("object %s: %d bytes, %v", key, len(got), err)
		}
	}
	x, err := s.engine.StartExecution(ctx, engine.StartInput{MachineARN: chain})
	if err != nil || endOf(t, s, x.ARN).Status != interp.Succeeded {
		t.Errorf("a new execution: %v", err)
	}
}

// sound has SQLite check the database.
func sound(t *testing.T, s *system) {
	t.Helper()
	err := s.engine.Read(t.Context(), func(r engine.Reader) error {
		rows, err := r.Query("SELECT integrity_check FROM pragma_integrity_check")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				return err
			}
			if line != "ok" {
				t.Errorf("the copied database: %s", line)
			}
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// gapless checks that an execution's events are numbered from 1 without gaps.
func gapless(t *testing.T, s *system, arn string) {
	t.Helper()
	events, _, err := s.engine.History(t.Context(), arn, engine.Page{Max: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range events {
		if e.ID != int64(i+1) {
			t.Errorf("%s: event %d has the id %d", arn, i+1, e.ID)
			return
		}
	}
	if len(events) < 5 || events[len(events)-1].Type != "ExecutionSucceeded" {
		t.Errorf("%s: %d events", arn, len(events))
	}
}

// approveAll approves whatever is to be decided.
func approveAll(t *testing.T, s *system) {
	t.Helper()
	ask := func(method, url, body string) []byte {
		r := httptest.NewRequest(method, "http://127.0.0.1:8080"+url, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.rest.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", url, w.Code, w.Body)
		}
		return w.Body.Bytes()
	}
	var list struct{ Items []struct{ ID string } }
	if err := json.Unmarshal(ask("GET", "/v1/approvals", ""), &list); err != nil {
		t.Fatal(err)
	}
	for _, a := range list.Items {
		ask("POST", "/v1/approvals/"+a.ID+"/approve", `{"by":"ana"}`)
	}
}

func TestBackupCommand(t *testing.T) {
	aws, rest := running(t, t.TempDir())
	call(t, aws, "CreateStateMachine", `{"name":"good","roleArn":"arn:aws:iam::000000000000:role/r","definition":`+quote(good)+`}`)
	to := filepath.Join(t.TempDir(), "copy")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"start", "good", "--name", "one", "--wait"}, cli.OK, "{}\n"},
		{[]string{"backup"}, cli.Usage, "want --to FOLDER"},
		{[]string{"backup", "--to", to}, cli.OK, to + ": a database of "},
		{[]string{"backup", "--to", to}, cli.Failed, "the folder is not empty"},
		{[]string{"backup", "--to", to + "2", "--json"}, cli.OK, `"databaseBytes":`},
		{[]string{"backup", "--to", filepath.Join(to, sqlite.File)}, cli.Failed, "not a directory"},
	} {
		code, out, err := do(t, "", append(c.args, "--server", rest)...)
		if code != c.code || !strings.Contains(out+err, c.want) {
			t.Errorf("%v: got %d %s%s, want %d with %s", c.args, code, out, err, c.code, c.want)
		}
	}
	_, rest = running(t, to)
	if code, out, err := do(t, "", "describe", "good/one", "--server", rest); code != cli.OK || !strings.Contains(out, "SUCCEEDED") {
		t.Errorf("the execution in the copy: got %d %s%s", code, out, err)
	}
}
