package asl

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"maps"
	"sync"

	"millrace/asl/document"
	"millrace/asl/jsonata"
)

// maxRange is how many members $range makes at most.
const maxRange = 1_000_000

// functions holds the functions that Step Functions adds to JSONata and that
// need nothing but their arguments.
var functions = sync.OnceValue(func() map[string]*jsonata.Func {
	return map[string]*jsonata.Func{
		"partition": newFunction("partition", "<a?n?:a>", partition),
		"range":     newFunction("range", "<n?n?n?:a>", numberRange),
		"hash":      newFunction("hash", "<s?s?:s>", hashOf),
		"parse":     newFunction("parse", "<s?:x>", parseJSON),
		"uuid":      newFunction("uuid", "<:s>", func([]any) (any, error) { return nil, errors.New("$uuid must be called by its name") }),
	}
})

func newFunction(name, signature string, call func([]any) (any, error)) *jsonata.Func {
	f, err := jsonata.NewFunc(name, signature, call)
	if err != nil {
		panic("asl: function $" + name + ": " + err.Error()) // a fault of the program
	}
	return f
}

// isFunction reports whether $name is a function of JSONata or one added to it.
func isFunction(name string) bool { return name == "random" || functions()[name] != nil }

// randomFunctions is [functions] with $random and $uuid, which draw from env.
func randomFunctions(env *Env) map[string]*jsonata.Func {
	m := maps.Clone(functions())
	m["uuid"] = newFunction("uuid", "<:s>", func([]any) (any, error) { return uuid(env), nil })
	m["random"] = newFunction("random", "<n?:n>", func(args []any) (any, error) {
		seed, ok := args[0].(document.Number)
		if !ok {
			return document.Float(fraction(env)), nil
		}
		return document.Float(javaRandom(int64(seed.Float64()))), nil
	})
	return m
}

// fraction draws a number from 0 up to but not including 1.
func fraction(env *Env) float64 {
	if env.Draw == nil {
		return 0
	}
	return float64(env.Draw()>>11) / (1 << 53)
}

// uuid draws a version 4 UUID (RFC 9562).
func uuid(env *Env) string {
	var b [16]byte
	if env.Draw != nil {
		binary.BigEndian.PutUint64(b[:8], env.Draw())
		binary.BigEndian.PutUint64(b[8:], env.Draw())
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// javaRandom is the first number that java.util.Random with a seed gives.
func javaRandom(seed int64) float64 {
	const multiplier, addend, mask = 0x5DEECE66D, 0xB, 1<<48 - 1
	s := (uint64(seed) ^ multiplier) & mask
	next := func(bits uint) uint64 {
		s = (s*multiplier + addend) & mask
		return s >> (48 - bits)
	}
	return float64(next(26)<<27+next(27)) / (1 << 53)
}

// partition is $partition(array, size).
func partition(args []any) (any, error) {
	a, ok := args[0].([]any)
	if !ok {
		return jsonata.Undefined, nil
	}
	size, ok := whole(args[1])
	if !ok || size < 1 {
		return nil, errors.New("the second argument of the partition function must be a positive integer")
	}
	parts := make([]any, 0, (int64(len(a))+size-1)/size)
	for len(a) > 0 {
		n := min(size, int64(len(a)))
		parts = append(parts, a[:n:n])
		a = a[n:]
	}
	return parts, nil
}

// numberRange is $range(first, last, step), last included.
func numberRange(args []any) (any, error) {
	var n [3]float64
	for i := range n {
		v, ok := args[i].(document.Number)
		if !ok {
			return jsonata.Undefined, nil
		}
		n[i] = v.Float64()
	}
	first, last, step := n[0], n[1], n[2]
	if step == 0 {
		return nil, errors.New("the third argument of the range function, the step, cannot be 0")
	}
	count := int64(0)
	if steps := (last - first) / step; steps >= 0 {
		if steps >= maxRange {
			return nil, fmt.Errorf("the range function makes at most %d numbers", maxRange)
		}
		count = int64(steps) + 1
	}
	list := make([]any, count)
	for i := range list {
		list[i] = document.Float(first + float64(i)*step)
	}
	return list, nil
}

// hashOf is $hash(data, algorithm), in hexadecimal digits.
func hashOf(args []any) (any, error) {
	data, ok := args[0].(string)
	algorithm, named := args[1].(string)
	if !ok || !named {
		return jsonata.Undefined, nil
	}
	var h hash.Hash
	switch algorithm {
	case "MD5":
		h = md5.New()
	case "SHA-1":
		h = sha1.New()
	case "SHA-256":
		h = sha256.New()
	case "SHA-384":
		h = sha512.New384()
	case "SHA-512":
		h = sha512.New()
	default:
		return nil, fmt.Errorf("the second argument of the hash function must be one of MD5, SHA-1, SHA-256, SHA-384 and SHA-512, not %.40q", algorithm)
	}
	h.Write([]byte(data))
	return hex.EncodeToString(h.Sum(nil)), nil
}

// parseJSON is $parse(text).
func parseJSON(args []any) (any, error) {
	text, ok := args[0].(string)
	if !ok {
		return jsonata.Undefined, nil
	}
	v, err := document.Parse([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("the argument of the parse function must be JSON text: %w", err)
	}
	return positiveZero(v), nil
}

// positiveZero replaces -0, which is an integer and therefore 0. What is in v
// was just parsed and is nobody else's.
func positiveZero(v any) any {
	switch v := v.(type) {
	case document.Number:
		if v == "-0" {
			return document.Number("0")
		}
	case []any:
		for i, e := range v {
			v[i] = positiveZero(e)
		}
	case *document.Object:
		for i := range v.Len() {
			k, e := v.At(i)
			v.Set(k, positiveZero(e))
		}
	}
	return v
}

func whole(v any) (int64, bool) {
	n, ok := v.(document.Number)
	if !ok {
		return 0, false
	}
	f := n.Float64()
	i := int64(f)
	return i, float64(i) == f
}
