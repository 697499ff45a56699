package intrinsic

import (
	"fmt"
	"math"
	"math/bits"

	"millrace/asl/document"
)

// number returns an argument as a float64, which holds every int32.
func (in *invocation) number(i int) (float64, error) {
	n, ok := in.args[i].(document.Number)
	if !ok {
		return 0, in.unfit(i, aNumber)
	}
	return n.Float64(), nil
}

// rounded returns an argument as Java's Math.round does: halves go up.
func (in *invocation) rounded(i int) (int64, error) {
	f, err := in.number(i)
	if err != nil {
		return 0, err
	}
	whole := math.Floor(f)
	if f-whole >= 0.5 {
		whole++
	}
	return in.int32(i, whole)
}

// truncated returns an argument without its fraction. AWS documents rounding
// here and was seen to cut.
func (in *invocation) truncated(i int) (int64, error) {
	f, err := in.number(i)
	if err != nil {
		return 0, err
	}
	return in.int32(i, math.Trunc(f))
}

func (in *invocation) int32(i int, f float64) (int64, error) {
	if !(f >= math.MinInt32 && f <= math.MaxInt32) {
		return 0, in.fail("argument %d is beyond the integers from %d to %d", i+1, math.MinInt32, math.MaxInt32)
	}
	return int64(f), nil
}

func mathAdd(in *invocation) (any, error) {
	a, err := in.rounded(0)
	if err != nil {
		return nil, err
	}
	b, err := in.rounded(1)
	if err != nil {
		return nil, err
	}
	sum := a + b
	if sum != int64(int32(sum)) {
		return nil, in.fail("the sum %d is beyond the integers from %d to %d", sum, math.MinInt32, math.MaxInt32)
	}
	return document.Int(sum), nil
}

// mathRandom returns an integer from the first argument up to and without the
// second; with a seed, always the same one.
func mathRandom(in *invocation) (any, error) {
	start, err := in.truncated(0)
	if err != nil {
		return nil, err
	}
	end, err := in.truncated(1)
	if err != nil {
		return nil, err
	}
	if start >= end {
		return nil, in.fail("the start %d is not less than the end %d", start, end)
	}
	if len(in.args) < 3 {
		below, _ := bits.Mul64(in.env.Random(), uint64(end-start))
		return document.Int(start + int64(below)), nil
	}
	seed, ok := in.args[2].(document.Number)
	if !ok {
		return nil, in.unfit(2, aNumber)
	}
	s, ok := seed.Int64()
	if !ok {
		s = toLong(seed.Float64())
	}
	r := newJavaRandom(s)
	return document.Int(int64(r.between(int32(start), int32(end)))), nil
}

// toLong is Java's cast of a double to a long.
func toLong(f float64) int64 {
	switch {
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	}
	return int64(f)
}

func uuid(in *invocation) (any, error) {
	hi, lo := in.env.Random(), in.env.Random()
	hi = hi&^0xf000 | 0x4000     // version 4
	lo = lo&^(0xc<<60) | 0x8<<60 // variant 1
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", hi>>32, hi>>16&0xffff, hi&0xffff, lo>>48, lo&(1<<48-1)), nil
}

// javaRandom is java.util.Random, the linear congruential generator that its
// documentation specifies to the bit.
type javaRandom uint64

func newJavaRandom(seed int64) *javaRandom {
	r := javaRandom((uint64(seed) ^ 0x5deece66d) & (1<<48 - 1))
	return &r
}

func (r *javaRandom) next(n uint) int32 {
	*r = (*r*0x5deece66d + 0xb) & (1<<48 - 1)
	return int32(int64(*r) >> (48 - n))
}

// between is nextInt(origin, bound), for origin < bound.
func (r *javaRandom) between(origin, bound int32) int32 {
	if span := bound - origin; span > 0 {
		return origin + r.below(span)
	}
	for { // the span overflows: more than half of all integers are in it
		if n := r.next(32); n >= origin && n < bound {
			return n
		}
	}
}

// below is nextInt(bound).
func (r *javaRandom) below(bound int32) int32 {
	if bound&(bound-1) == 0 { // a power of two
		return int32(int64(bound) * int64(r.next(31)) >> 31)
	}
	for {
		u := r.next(31)
		n := u % bound
		if u-n+(bound-1) >= 0 {
			return n
		}
	}
}
