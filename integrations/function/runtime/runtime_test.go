package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

type refused struct{}

func (*refused) Error() string { return `a "quoted" <reason>` }

func TestErrorOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{&refused{}, `{"errorMessage":"a \"quoted\" <reason>","errorType":"refused"}`},
		{errors.New("x"), `{"errorMessage":"x","errorType":"errorString"}`},
		{fmt.Errorf("y: %w", &Error{Message: "m", Type: "Own.Name"}), `{"errorMessage":"m","errorType":"Own.Name"}`},
	} {
		if got := string(ErrorOf(c.err).JSON()); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

// The Runtime API hands out out events, and ends the client after the last.
func TestServe(t *testing.T) {
	events := []string{`1`, `"fail"`, `"panic"`}
	var answers []string
	ctx, cancel := context.WithCancel(t.Context())
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method == http.MethodPost {
			text, _, _ := strings.Cut(string(body), `,"stackTrace"`)
			answers = append(answers, strings.TrimPrefix(r.URL.Path, "/2018-06-01/runtime/invocation/")+" "+text)
			w.WriteHeader(http.StatusAccepted)
			return
		}
		if len(events) == 0 {
			cancel()
			<-r.Context().Done()
			return
		}
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", fmt.Sprint("id", len(events)))
		w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Hour).UnixMilli()))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn")
		io.WriteString(w, events[0])
		events = events[1:]
	}))
	defer api.Close()
	t.Setenv(Variable, strings.TrimPrefix(api.URL, "http://"))
	err := Serve(ctx, func(ctx context.Context, event []byte) ([]byte, error) {
		i, ok := FromContext(ctx)
		if _, limited := ctx.Deadline(); !ok || !limited || i.FunctionARN != "arn" {
			return nil, fmt.Errorf("the context knows %+v", i)
		}
		switch string(event) {
		case `"fail"`:
			return nil, &refused{}
		case `"panic"`:
			panic("oops")
		}
		return event, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Serve ended with %v", err)
	}
	want := `id3/response 1
id2/error {"errorMessage":"a \"quoted\" <reason>","errorType":"refused"}
id1/error {"errorMessage":"oops","errorType":"panic"`
	if got := strings.Join(answers, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestServeNeedsTheRuntimeAPI(t *testing.T) {
	t.Setenv(Variable, "")
	if err := Serve(t.Context(), nil); err == nil || !strings.Contains(err.Error(), Variable) {
		t.Errorf("got %v", err)
	}
}
