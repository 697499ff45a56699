package interp_test

import (
	"fmt"
	"strings"
	"testing"

	"millrace/asl"
	"millrace/asl/document"
	"millrace/engine/interp"
)

func parse(tb testing.TB, definition string) *asl.Machine {
	tb.Helper()
	m, diagnostics := asl.Parse([]byte(definition), asl.Options{})
	if m == nil {
		tb.Fatalf("definition: %v", diagnostics)
	}
	return m
}

func chain(n int) string {
	var b strings.Builder
	b.WriteString(`{"StartAt":"S0","States":{`)
	for i := 0; i < n; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"S%d":{"Type":"Pass",`, i)
		if i == n-1 {
			b.WriteString(`"End":true}`)
		} else {
			fmt.Fprintf(&b, `"Next":"S%d"}`, i+1)
		}
	}
	return b.String() + "}}"
}

func BenchmarkPassChain(b *testing.B) {
	m := parse(b, chain(10))
	in := document.FromBytes([]byte(`{"order":17,"items":["a","b"]}`))
	for _, encode := range []bool{false, true} {
		b.Run(fmt.Sprintf("encode=%v", encode), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x := interp.New(1, [16]byte{}, in, epoch)
				s := interp.Advance(m, x, interp.Input{Kind: interp.Start}, epoch)
				if !s.Ended {
					b.Fatal("not ended")
				}
				if encode {
					x.Changes(s)
				}
			}
		})
	}
}

// BenchmarkMap runs a Map whose iterations each wait for a task: the cost of an
// iteration must not grow with their number.
func BenchmarkMap(b *testing.B) {
	m := parse(b, `{"StartAt":"M","States":{"M":{"Type":"Map","End":true,"ItemProcessor":{"StartAt":"T","States":{
		"T":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","End":true}}}}}}`)
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			items := []byte("[" + strings.Repeat("1,", n-1) + "1]")
			for b.Loop() {
				x := interp.New(1, [16]byte{}, document.FromBytes(items), epoch)
				s := interp.Advance(m, x, interp.Input{Kind: interp.Start}, epoch)
				x.Changes(s)
				queue := s.Commands
				for len(queue) > 0 {
					c := queue[0]
					queue = queue[1:]
					s = interp.Advance(m, x, interp.Input{Kind: interp.Answer, Event: c.Event}, epoch)
					x.Changes(s)
					queue = append(queue, s.Commands...)
				}
				if x.Status() != interp.Succeeded {
					b.Fatal(x.Status(), x.LastEvent())
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/item")
		})
	}
}
