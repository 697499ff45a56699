package function

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"millrace/engine"
)

// checkZip says what is wrong with a zip file of code.
func checkZip(code []byte) error {
	if len(code) > maxZip {
		return invalid("Unzipped or zipped code is too large: a zip file has at most %d bytes.", maxZip)
	}
	z, err := zip.NewReader(bytes.NewReader(code), int64(len(code)))
	if err != nil {
		return invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
	}
	var size uint64
	kinds := map[string]bool{} // of paths: true is a folder
	for _, f := range z.File {
		if !filepath.IsLocal(filepath.FromSlash(f.Name)) {
			return invalid("The uploaded file has an entry outside its folder: %s", short(f.Name))
		}
		if size += f.UncompressedSize64; size > maxUnpack {
			return invalid("Unzipped size must be smaller than %d bytes", maxUnpack)
		}
		if !place(kinds, f) {
			return invalid("The uploaded file has an entry that is a file and a folder, or neither a file nor a link: %s", short(f.Name))
		}
	}
	return nil
}

// place notes what the path of an entry and the paths on the way to it are. It
// reports whether the entry can be unpacked beside those before it.
func place(kinds map[string]bool, f *zip.File) bool {
	name, folder := path.Clean(f.Name), strings.HasSuffix(f.Name, "/") || f.FileInfo().IsDir()
	if !folder && !f.Mode().IsRegular() && f.Mode()&os.ModeSymlink == 0 {
		return false
	}
	if was, known := kinds[name]; known && (was != folder || f.Mode()&os.ModeSymlink != 0) {
		return false
	}
	kinds[name] = folder
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if was, known := kinds[dir]; known {
			return was
		}
		kinds[dir] = true
	}
	return true
}

// unpacked returns the folder of a function's code, unpacking it when it is not there.
func (s *Service) unpacked(ctx context.Context, f *function) (string, error) {
	if f.Folder != "" {
		return f.Folder, nil
	}
	if f.code == "" {
		return filepath.Join(s.scratch, "home"), nil
	}
	dir := filepath.Join(s.scratch, "code", f.code)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	var code []byte
	err := s.host.Read(ctx, func(r engine.Reader) (err error) {
		code, err = codeOf(r, f.code)
		return err
	})
	if err != nil {
		return "", err
	}
	if code == nil {
		return "", fmt.Errorf("the code of function %s was replaced meanwhile", f.FunctionName)
	}
	tmp, err := os.MkdirTemp(filepath.Join(s.scratch, "code"), "unpack-")
	if err != nil {
		return "", fmt.Errorf("unpack the code of function %s: %w", f.FunctionName, err)
	}
	defer os.RemoveAll(tmp)
	if err := unpack(code, tmp); err != nil {
		// Of the disk's errors, too, the function's caller is to hear.
		return "", &startError{"Runtime.InvalidEntrypoint", fmt.Sprintf("unpack the code of function %s: %v", f.FunctionName, err)}
	}
	// Another invocation may have been faster; its folder has the same bytes.
	if err := os.Rename(tmp, dir); err != nil {
		if _, statErr := os.Stat(dir); statErr != nil {
			return "", fmt.Errorf("unpack the code of function %s: %w", f.FunctionName, err)
		}
	}
	return dir, nil
}

func unpack(code []byte, dir string) error {
	z, err := zip.NewReader(bytes.NewReader(code), int64(len(code)))
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	left := int64(maxUnpack)
	for _, f := range z.File {
		name := filepath.FromSlash(f.Name)
		if strings.HasSuffix(f.Name, "/") || f.FileInfo().IsDir() {
			if err := root.MkdirAll(strings.TrimSuffix(name, string(filepath.Separator)), 0o700); err != nil {
				return err
			}
			continue
		}
		n, err := unpackFile(root, f, name, left)
		if err != nil {
			return err
		}
		left -= n
	}
	return nil
}

func unpackFile(root *os.Root, f *zip.File, name string, most int64) (int64, error) {
	if !f.Mode().IsRegular() && f.Mode()&os.ModeSymlink == 0 {
		return 0, fmt.Errorf("%s is neither a file nor a link", short(f.Name))
	}
	if dir := filepath.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o700); err != nil {
			return 0, err
		}
	}
	r, err := f.Open()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	if f.Mode()&os.ModeSymlink != 0 {
		target, err := io.ReadAll(io.LimitReader(r, 4096))
		if err != nil {
			return 0, err
		}
		return 0, root.Symlink(string(target), name)
	}
	mode := os.FileMode(0o600)
	if f.Mode()&0o111 != 0 || name == "bootstrap" {
		mode = 0o700 // a zip file made on another system may have lost the bit
	}
	w, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(w, io.LimitReader(r, most+1))
	if closeErr := w.Close(); err == nil {
		err = closeErr
	}
	if err == nil && n > most {
		err = fmt.Errorf("the code has more than %d bytes", maxUnpack)
	}
	return n, err
}
