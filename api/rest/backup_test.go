package rest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestBackup(t *testing.T) {
	h := New(Config{
		Engine: newFake(0), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Backup: func(_ context.Context, to string) (Backup, error) {
			switch to {
			case "/full":
				return Backup{}, &fs.PathError{Op: "back up to", Path: to, Err: errors.New("the folder is not empty")}
			case "/closed/new":
				return Backup{}, &fs.PathError{Op: "mkdir", Path: "/closed", Err: fs.ErrPermission}
			case "/broken":
				return Backup{}, &fs.PathError{Op: "open", Path: "/secret/objects/ab", Err: fs.ErrNotExist}
			}
			return Backup{To: to, DatabaseBytes: 4096}, nil
		},
	})
	for _, c := range []struct {
		name, from, body string
		status           int
		want             string
	}{
		{"new folder", "127.0.0.1:1234", `{"to":"/new/x/.."}`, 201, `{"to":"/new","databaseBytes":4096,"objects":0,"objectBytes":0}`},
		{"by IPv6", "[::1]:1234", `{"to":"/new"}`, 201, `"to":"/new"`},
		{"from elsewhere", "192.0.2.1:1234", `{"to":"/new"}`, 403, "192.0.2.1"},
		{"relative path", "127.0.0.1:1234", `{"to":"new"}`, 400, "absolute"},
		{"no path", "127.0.0.1:1234", `{}`, 400, "/to"},
		{"folder in use", "127.0.0.1:1234", `{"to":"/full"}`, 409, "/full: the folder is not empty"},
		{"folder that cannot be made", "127.0.0.1:1234", `{"to":"/closed/new"}`, 409, "permission denied"},
		{"the server's own trouble", "127.0.0.1:1234", `{"to":"/broken"}`, 500, "Its log says why"},
	} {
		r := httptest.NewRequest("POST", "http://127.0.0.1:8080/v1/backup", strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/json")
		r.RemoteAddr = c.from
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: got %d %s, want %d with %s", c.name, w.Code, w.Body, c.status, c.want)
		}
	}
}
