package intrinsic

import (
	"math"
	"regexp"
	"testing"

	"millrace/asl/document"
)

// The first numbers that Java's own Random yields for a seed.
func TestJavaRandom(t *testing.T) {
	r := newJavaRandom(42)
	if got := []int32{r.next(32), r.next(32), r.next(32)}; got[0] != -1170105035 || got[1] != 234785527 || got[2] != -1360544799 {
		t.Errorf("nextInt() with seed 42: got %v, want -1170105035, 234785527, -1360544799", got)
	}
	r = newJavaRandom(42)
	if got := []int32{r.below(10), r.below(10), r.below(10)}; got[0] != 0 || got[1] != 3 || got[2] != 8 {
		t.Errorf("nextInt(10) with seed 42: got %v, want 0 3 8", got)
	}
	r = newJavaRandom(-10)
	for range 1000 {
		if n := r.below(16); n < 0 || n >= 16 {
			t.Fatalf("nextInt(16) = %d", n)
		}
		if n := r.between(math.MinInt32, math.MaxInt32); n == math.MaxInt32 {
			t.Fatalf("nextInt(min, max) = %d", n)
		}
	}
}

func TestSeededMathRandomRepeats(t *testing.T) {
	a, err := eval(t, `States.MathRandom(1, 1000, $.x)`, `{"x":42}`)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := eval(t, `States.MathRandom(1, 1000, 42.9)`, `{}`)
	c, _ := eval(t, `States.MathRandom(1, 1000, 43)`, `{}`)
	if a != b || a == c {
		t.Errorf("got %s, %s and %s, want two equal ones and another", a, b, c)
	}
}

func TestMathRandomStaysWithin(t *testing.T) {
	c, err := Compile(`States.MathRandom(-2, 3)`)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[any]int{}
	env := over(nil, nil)
	for range 1000 {
		v, err := c.Eval(env)
		if err != nil {
			t.Fatal(err)
		}
		seen[v]++
	}
	for n := int64(-2); n < 3; n++ {
		if seen[document.Int(n)] < 100 {
			t.Errorf("%d came %d times of 1000", n, seen[document.Int(n)])
		}
	}
	if len(seen) != 5 {
		t.Errorf("got %v, want -2 to 2", seen)
	}
}

func TestUUID(t *testing.T) {
	form := regexp.MustCompile(`^"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"$`)
	got, err := eval(t, `States.UUID()`, `{}`)
	if err != nil || !form.MatchString(got) {
		t.Errorf("got %s, %v, want a UUID of version 4", got, err)
	}
	two, err := eval(t, `States.ArrayLength(States.ArrayUnique(States.Array(States.UUID(), States.UUID())))`, `{}`)
	if err != nil || two != "2" {
		t.Errorf("two calls gave %s different ones, %v, want 2", two, err)
	}
}

func TestJavaHash(t *testing.T) {
	for text, want := range map[string]int32{
		`null`: 0, `true`: 1231, `false`: 1237, `7`: 7, `-1`: -1, `"1"`: 49, `"hello"`: 99162322, `"😀"`: 1772899,
		`4294967296`: 1, `1.0`: 1072693248, `[1,2]`: 994, `[]`: 1, `{"a":1}`: 96, `{}`: 0,
		`18446744073709551616`: 961, `-18446744073709551616`: -961,
	} {
		if got := javaHash(parse(t, text)); got != want {
			t.Errorf("javaHash(%s) = %d, want %d", text, got, want)
		}
	}
}
