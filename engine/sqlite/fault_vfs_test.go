package sqlite

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// faultVFS is the name of a file system that stands before SQLite's own and
// fails as the faultDisk of a file's folder tells it.
const faultVFS = "millrace-faults"

// faultDisk is a folder whose files fail on command. It knows of each file what
// was synced and what was written since, so that it can tell what a power cut
// leaves. Nothing is really synced.
type faultDisk struct {
	mu    sync.Mutex
	dir   string
	files map[string]*faultFile
	ops   int // reads, writes, truncations and syncs so far
	cut   int // at this many the power goes: nothing is written or read from then on; 0: never
	dead  bool
	gone  func() // called when the power goes; nil: nothing
	quota int64  // bytes that the files may take together; 0: any number

	// fault is asked before each operation, the n-th; a code other than 0 is its answer.
	fault func(n int, op faultOp, file string) int32
	// slow, when set, is called before each operation, without the lock.
	slow func(op faultOp, file string)
}

// faultOp is a kind of operation on a file.
type faultOp string

const (
	faultRead     faultOp = "read"
	faultWrite    faultOp = "write"
	faultTruncate faultOp = "truncate"
	faultSync     faultOp = "sync"
)

// faultFile is a file by what of it would survive.
type faultFile struct {
	size    int64
	durable []byte
	pending []faultChange
}

// faultChange is a write since the last sync, or with nil data a truncation.
type faultChange struct {
	at   int64
	data []byte
}

func (c faultChange) apply(b []byte) []byte {
	if c.data == nil {
		if int64(len(b)) > c.at {
			return b[:c.at]
		}
		return b
	}
	if end := c.at + int64(len(c.data)); int64(len(b)) < end {
		b = append(b, make([]byte, end-int64(len(b)))...)
	}
	copy(b[c.at:], c.data)
	return b
}

// faults finds what belongs to the files that SQLite names by address: its file
// system is one for the process, and calls functions that are not closures.
var faults = struct {
	sync.Mutex
	disks map[string]*faultDisk
	open  map[uintptr]*faultOpen
	own   uintptr // SQLite's own file system
	under map[uintptr]uintptr
}{disks: map[string]*faultDisk{}, open: map[uintptr]*faultOpen{}, under: map[uintptr]uintptr{}}

// faultOpen is an open file.
type faultOpen struct {
	disk *faultDisk
	name string
	own  *lib.Tsqlite3_io_methods
}

// newFaultDisk makes a folder whose files fail on command.
func newFaultDisk(t *testing.T) *faultDisk {
	t.Helper()
	d := &faultDisk{dir: t.TempDir(), files: map[string]*faultFile{}}
	faults.Lock()
	defer faults.Unlock()
	faults.disks[d.dir] = d
	if faults.own != 0 {
		return d
	}
	tls := libc.NewTLS()
	defer tls.Close()
	faults.own = lib.Xsqlite3_vfs_find(tls, 0)
	vfs := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(lib.Tsqlite3_vfs{})))
	v := (*lib.Tsqlite3_vfs)(pointer(vfs))
	*v = *(*lib.Tsqlite3_vfs)(pointer(faults.own))
	name, err := libc.CString(faultVFS)
	if err != nil {
		t.Fatal(err)
	}
	v.FzName, v.FpNext = name, 0
	v.FxOpen, v.FxDelete = address(faultXOpen), address(faultXDelete)
	if rc := lib.Xsqlite3_vfs_register(tls, vfs, 0); rc != lib.SQLITE_OK {
		t.Fatalf("register a file system: %d", rc)
	}
	return d
}

// address makes a C function pointer of a function declaration.
func address[T any](f T) uintptr { return *(*uintptr)(unsafe.Pointer(&struct{ f T }{f})) }

// function makes a Go function of a C function pointer.
func function[T any](p uintptr) T { return *(*T)(unsafe.Pointer(&struct{ p uintptr }{p})) }

func faultXOpen(tls *libc.TLS, vfs, zName, pFile uintptr, flags int32, out uintptr) int32 {
	own := (*lib.Tsqlite3_vfs)(pointer(faults.own))
	rc := function[func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32](own.FxOpen)(tls, faults.own, zName, pFile, flags, out)
	if rc != lib.SQLITE_OK || zName == 0 {
		return rc
	}
	path := libc.GoString(zName)
	f := (*lib.Tsqlite3_file)(pointer(pFile))
	faults.Lock()
	defer faults.Unlock()
	disk := faults.disks[filepath.Dir(path)]
	if disk == nil {
		return rc
	}
	methods := faults.under[f.FpMethods]
	if methods == 0 {
		methods = libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(lib.Tsqlite3_io_methods{})))
		m := (*lib.Tsqlite3_io_methods)(pointer(methods))
		*m = *(*lib.Tsqlite3_io_methods)(pointer(f.FpMethods))
		m.FxClose, m.FxRead, m.FxWrite = address(faultXClose), address(faultXRead), address(faultXWrite)
		m.FxTruncate, m.FxSync = address(faultXTruncate), address(faultXSync)
		faults.under[f.FpMethods] = methods
	}
	o := &faultOpen{disk, filepath.Base(path), (*lib.Tsqlite3_io_methods)(pointer(f.FpMethods))}
	f.FpMethods = methods
	faults.open[pFile] = o
	disk.file(o.name)
	return rc
}

func faultXDelete(tls *libc.TLS, vfs, zName uintptr, dirSync int32) int32 {
	path := libc.GoString(zName)
	faults.Lock()
	disk := faults.disks[filepath.Dir(path)]
	faults.Unlock()
	if disk != nil {
		disk.mu.Lock()
		defer disk.mu.Unlock()
		if disk.dead {
			return lib.SQLITE_IOERR_DELETE
		}
		delete(disk.files, filepath.Base(path))
	}
	own := (*lib.Tsqlite3_vfs)(pointer(faults.own))
	return function[func(*libc.TLS, uintptr, uintptr, int32) int32](own.FxDelete)(tls, faults.own, zName, dirSync)
}

func opened(pFile uintptr) *faultOpen {
	faults.Lock()
	defer faults.Unlock()
	return faults.open[pFile]
}

func faultXClose(tls *libc.TLS, pFile uintptr) int32 {
	faults.Lock()
	o := faults.open[pFile]
	delete(faults.open, pFile)
	faults.Unlock()
	return function[func(*libc.TLS, uintptr) int32](o.own.FxClose)(tls, pFile)
}

func faultXRead(tls *libc.TLS, pFile, buf uintptr, n int32, at int64) int32 {
	o := opened(pFile)
	if rc, _ := o.disk.before(faultRead, o.name, at, int(n)); rc != 0 {
		return rc
	}
	return function[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](o.own.FxRead)(tls, pFile, buf, n, at)
}

func faultXWrite(tls *libc.TLS, pFile, buf uintptr, n int32, at int64) int32 {
	o := opened(pFile)
	rc, keep := o.disk.before(faultWrite, o.name, at, int(n))
	if rc != 0 && keep == 0 {
		return rc
	}
	if rc != 0 {
		n = int32(keep) // a part of it is written all the same
	}
	o.disk.change(o.name, faultChange{at, append([]byte{}, view(buf, int(n))...)})
	if own := function[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](o.own.FxWrite)(tls, pFile, buf, n, at); own != 0 {
		return own
	}
	return rc
}

func faultXTruncate(tls *libc.TLS, pFile uintptr, size int64) int32 {
	o := opened(pFile)
	if rc, _ := o.disk.before(faultTruncate, o.name, size, 0); rc != 0 {
		return rc
	}
	o.disk.change(o.name, faultChange{at: size})
	return function[func(*libc.TLS, uintptr, int64) int32](o.own.FxTruncate)(tls, pFile, size)
}

func faultXSync(tls *libc.TLS, pFile uintptr, flags int32) int32 {
	o := opened(pFile)
	if rc, _ := o.disk.before(faultSync, o.name, 0, 0); rc != 0 {
		return rc
	}
	o.disk.synced(o.name)
	return lib.SQLITE_OK
}

// file returns what is known of a file. The caller holds the lock or is alone.
func (d *faultDisk) file(name string) *faultFile {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fileLocked(name)
}

func (d *faultDisk) fileLocked(name string) *faultFile {
	f := d.files[name]
	if f == nil {
		f = &faultFile{}
		d.files[name] = f
	}
	return f
}

// before decides on an operation: its code, and of a write that fails how many
// bytes are written nevertheless.
func (d *faultDisk) before(op faultOp, name string, at int64, n int) (code int32, keep int) {
	d.mu.Lock()
	slow := d.slow
	d.mu.Unlock()
	if slow != nil {
		slow(op, name)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return lib.SQLITE_IOERR, 0
	}
	d.ops++
	if d.cut != 0 && d.ops >= d.cut {
		d.dead = true
		if d.gone != nil {
			d.gone()
		}
		if op == faultWrite {
			return lib.SQLITE_IOERR_WRITE, n // what becomes of it is survivors' to say
		}
		return lib.SQLITE_IOERR, 0
	}
	if d.fault != nil {
		if code := d.fault(d.ops, op, name); code != 0 {
			return code, 0
		}
	}
	if op == faultWrite && d.quota != 0 {
		var sum int64
		for _, f := range d.files {
			sum += f.size
		}
		if more := at + int64(n) - d.fileLocked(name).size; more > 0 && sum+more > d.quota {
			return lib.SQLITE_FULL, max(int(d.quota-sum), 0) * n / int(max(more, int64(n)))
		}
	}
	return 0, 0
}

func (d *faultDisk) change(name string, c faultChange) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.fileLocked(name)
	f.pending = append(f.pending, c)
	if c.data == nil {
		f.size = min(f.size, c.at)
	} else {
		f.size = max(f.size, c.at+int64(len(c.data)))
	}
}

func (d *faultDisk) synced(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.fileLocked(name)
	for _, c := range f.pending {
		f.durable = c.apply(f.durable)
	}
	f.pending = nil
}

// sector is the unit in which a disk writes: of a write that a power cut meets
// any of its sectors may be there.
const sector = 512

// survivors makes a folder of what a power cut leaves: what was synced, and of
// what was written since some, not necessarily the first, whole or in part.
func (d *faultDisk) survivors(t *testing.T, seed uint64) *faultDisk {
	t.Helper()
	next := newFaultDisk(t)
	r := rand.New(rand.NewPCG(seed, 2))
	d.mu.Lock()
	defer d.mu.Unlock()
	mood := r.IntN(4) // all, none, some
	for name, f := range d.files {
		if strings.HasSuffix(name, "-shm") {
			continue
		}
		b := append([]byte{}, f.durable...)
		for _, c := range f.pending {
			switch {
			case mood == 0 || mood > 1 && r.IntN(2) == 0:
				b = c.apply(b)
			case mood > 1 && c.data != nil && r.IntN(2) == 0:
				for from := 0; from < len(c.data); from += sector {
					if r.IntN(2) == 0 {
						b = faultChange{c.at + int64(from), c.data[from:min(from+sector, len(c.data))]}.apply(b)
					}
				}
			}
		}
		if err := os.WriteFile(filepath.Join(next.dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
		next.files[name] = &faultFile{size: int64(len(b)), durable: b}
	}
	return next
}

// operations returns how many operations there were.
func (d *faultDisk) operations() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ops
}

// set changes how the disk behaves.
func (d *faultDisk) set(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}
