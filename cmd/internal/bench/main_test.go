package bench

import (
	"testing"

	"millrace/engine/leaktest"
)

// TestMain fails when a goroutine outlives the tests.
func TestMain(m *testing.M) { leaktest.Main(m) }
