package bench

import (
	"os"
	"runtime"
	"testing"
	"time"
)

// TestMain fails when a goroutine outlives the tests.
func TestMain(m *testing.M) {
	before := runtime.NumGoroutine()
	code := m.Run()
	for range 400 {
		if runtime.NumGoroutine() <= before {
			break
		}
		<-time.After(5 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); code == 0 && n > before {
		b := make([]byte, 1<<20)
		os.Stderr.Write(b[:runtime.Stack(b, true)])
		code = 1
	}
	os.Exit(code)
}
