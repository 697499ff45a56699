package function

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// zipOfLink makes a zip file of a link l to a target, and of an empty file.
func zipOfLink(t *testing.T, target, file string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: "l"}
	h.SetMode(os.ModeSymlink | 0o777)
	w, err := z.CreateHeader(h)
	if err == nil {
		_, err = io.WriteString(w, target)
	}
	if err == nil {
		_, err = z.Create(file)
	}
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A zip file whose bytes do not match their checksum is found out when the code
// is unpacked: a fault of the function, not of the server.
func TestBrokenCodeIsTheFunctionsFault(t *testing.T) {
	s, _ := open(t, Options{})
	code := zipOf(t, "bootstrap", "text that is not packed smaller")
	name := bytes.Index(code, []byte("bootstrap"))
	code[name+len("bootstrap")+4] ^= 0x55
	create(t, s, "none", m{"FunctionName": "broken", "Code": m{"ZipFile": code}})
	r, err := s.Invoke(t.Context(), Invocation{Function: "broken"})
	if err != nil || !r.Failed || !strings.Contains(string(r.Payload), "Runtime.InvalidEntrypoint") {
		t.Errorf("got %s, failed %v, %v", r.Payload, r.Failed, err)
	}
}

func TestOpenForgetsUnpackedCode(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, "code", "unpack-1")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	open(t, Options{Dir: dir})
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what another process left is there: %v", err)
	}
}

func TestCodeGoesWithItsLastFunction(t *testing.T) {
	s, h := open(t, Options{})
	code := zipOf(t, "a", "1")
	for _, name := range []string{"f", "g"} {
		create(t, s, "echo", m{"FunctionName": name, "Code": m{"ZipFile": code}})
	}
	count := func() int {
		n := 0
		err := h.Read(t.Context(), countRows(&n, "SELECT COUNT(*) FROM function_code"))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := count(); n != 1 {
		t.Errorf("%d rows of the same code", n)
	}
	if _, err := invoke(s, "UpdateFunctionCode", m{"FunctionName": "f", "ZipFile": zipOf(t, "a", "2")}); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != 2 {
		t.Errorf("%d rows of two codes", n)
	}
	for _, name := range []string{"f", "g"} {
		if _, err := invoke(s, "DeleteFunction", m{"FunctionName": name}); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(); n != 0 {
		t.Errorf("%d rows left", n)
	}
}
