// Package leaktest fails the tests of a package when goroutines outlive them.
package leaktest

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"
)

// patience is how long goroutines may take to end once the tests have: those of
// closed connections and of processes that were killed are on their way out.
const patience = 10 * time.Second

// Main runs the tests and ends the process. It is called by TestMain.
func Main(m *testing.M) {
	before := runtime.NumGoroutine()
	code := m.Run()
	http.DefaultClient.CloseIdleConnections()
	fuzz := flag.Lookup("test.fuzz") // which leaves a goroutine of its own
	if code != 0 || fuzz != nil && fuzz.Value.String() != "" {
		os.Exit(code)
	}
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before && time.Now().Before(deadline); {
		<-time.After(time.Millisecond)
	}
	if now := runtime.NumGoroutine(); now > before {
		stacks := make([]byte, 1<<20)
		fmt.Fprintf(os.Stderr, "%d goroutines outlive the tests\n%s\n", now-before, stacks[:runtime.Stack(stacks, true)])
		code = 1
	}
	os.Exit(code)
}
