package intrinsic

import (
	"math"
	"math/big"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf16"

	"millrace/asl/document"
	"millrace/asl/jsonpath"
)

// arrayUnique drops repeated items. AWS returns what is left in the order in
// which a Java HashSet made of the array lists it: by the bucket that each
// item's hash falls into. Integers from 0 on, few beside each other, so come
// out in order, and false before true.
func arrayUnique(in *invocation) (any, error) {
	a, err := in.array(0)
	if err != nil {
		return nil, err
	}
	if _, err := in.sized(0); err != nil {
		return nil, err
	}
	type item struct {
		bucket uint32
		value  any
	}
	// HashSet(Collection) asks for size/0.75+1 buckets, 16 at least, and
	// HashMap rounds up to a power of two.
	buckets := uint32(1) << bits.Len32(uint32(max(int(float32(len(a))/0.75)+1, 16)-1))
	seen := make(map[string]bool, len(a))
	items := make([]item, 0, len(a))
	for _, v := range a {
		key := string(appendKey(nil, v))
		if seen[key] {
			continue
		}
		seen[key] = true
		h := uint32(javaHash(v))
		items = append(items, item{(h ^ h>>16) & (buckets - 1), v})
	}
	slices.SortStableFunc(items, func(x, y item) int { return int(x.bucket) - int(y.bucket) })
	unique := make([]any, len(items))
	for i, it := range items {
		unique[i] = it.value
	}
	return unique, nil
}

// appendKey adds a text that is the same for two values exactly when Java's
// equals holds: 1 and 1.0 differ, the order of an object's members does not count.
func appendKey(b []byte, v any) []byte {
	switch v := v.(type) {
	case document.Number:
		return jsonpath.AppendJava(b, v)
	case []any:
		b = append(b, '[')
		for _, e := range v {
			b = append(appendKey(b, e), ',')
		}
		return append(b, ']')
	case *document.Object:
		names := slices.Sorted(slices.Values(v.Keys()))
		b = append(b, '{')
		for _, n := range names {
			member, _ := v.Get(n)
			b = append(document.AppendString(b, n), ':')
			b = append(appendKey(b, member), ',')
		}
		return append(b, '}')
	}
	return document.Append(b, v)
}

// javaHash is the hashCode of the Java object that Jackson makes of a value.
func javaHash(v any) int32 {
	switch v := v.(type) {
	case bool:
		if v {
			return 1231
		}
		return 1237
	case string:
		return stringHash(v)
	case document.Number:
		return numberHash(v)
	case []any:
		h := int32(1)
		for _, e := range v {
			h = 31*h + javaHash(e)
		}
		return h
	case *document.Object:
		h := int32(0)
		for i := range v.Len() {
			name, member := v.At(i)
			h += stringHash(name) ^ javaHash(member)
		}
		return h
	}
	return 0 // null
}

func stringHash(s string) int32 {
	h := int32(0)
	for _, u := range utf16.Encode([]rune(s)) {
		h = 31*h + int32(u)
	}
	return h
}

func numberHash(n document.Number) int32 {
	if strings.ContainsAny(string(n), ".eE") { // Double
		b := math.Float64bits(n.Float64())
		return int32(b ^ b>>32)
	}
	if i, ok := n.Int64(); ok {
		if int64(int32(i)) == i { // Integer
			return int32(i)
		}
		return int32(uint64(i) ^ uint64(i)>>32) // Long
	}
	z, ok := new(big.Int).SetString(string(n), 10) // BigInteger
	if !ok {
		return 0
	}
	h := int32(0)
	mag := z.Bytes()
	for len(mag)%4 != 0 {
		mag = append([]byte{0}, mag...)
	}
	for i := 0; i < len(mag); i += 4 {
		word := uint32(mag[i])<<24 | uint32(mag[i+1])<<16 | uint32(mag[i+2])<<8 | uint32(mag[i+3])
		h = 31*h + int32(word)
	}
	return h * int32(z.Sign())
}
