package rest

import (
	"errors"
	"io/fs"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"

	"millrace/api"
)

// Backup is what a backup has.
type Backup struct {
	To            string `json:"to"`            // the folder
	DatabaseBytes int64  `json:"databaseBytes"` // of the database
	Objects       int    `json:"objects"`       // large objects, kept as files
	ObjectBytes   int64  `json:"objectBytes"`
}

// backup copies the state into a folder of this machine. That is for those who
// are on it.
func (s *server) backup(w http.ResponseWriter, r *http.Request) error {
	if err := known(r); err != nil {
		return err
	}
	if !api.Loopback(r.RemoteAddr) {
		return &problem{Type: "forbidden", Title: "This is for callers on the server's machine", Status: http.StatusForbidden,
			Detail: "The caller's address is " + strconv.Quote(short(r.RemoteAddr)) + ", want a loopback address"}
	}
	var in struct {
		To string `json:"to"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	if !filepath.IsAbs(in.To) {
		return bad("/to", strconv.Quote(short(in.To))+" is no absolute path of a folder")
	}
	to := filepath.Clean(in.To)
	b, err := s.Config.Backup(r.Context(), to)
	if refused := new(fs.PathError); errors.As(err, &refused) && (strings.HasPrefix(refused.Path, to) || strings.HasPrefix(to, refused.Path)) {
		return &problem{Type: "folder", Title: "The folder cannot be backed up to", Status: http.StatusConflict, Pointer: "/to",
			Detail: refused.Path + ": " + refused.Err.Error() + "; want a folder that is new or empty and can be written to"}
	}
	if err != nil {
		return err
	}
	write(w, http.StatusCreated, b)
	return nil
}
