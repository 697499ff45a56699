package intrinsic

import (
	"millrace/asl/document"
	"millrace/asl/jsonpath"
)

// maxRange is how many items States.ArrayRange may return.
const maxRange = 1000

func array(in *invocation) (any, error) { return in.args, nil }

func arrayLength(in *invocation) (any, error) {
	a, err := in.array(0)
	if err != nil {
		return nil, err
	}
	return document.Int(int64(len(a))), nil
}

// arrayPartition cuts an array into chunks; the last may be shorter.
func arrayPartition(in *invocation) (any, error) {
	a, err := in.array(0)
	if err != nil {
		return nil, err
	}
	size, err := in.truncated(1)
	if err != nil {
		return nil, err
	}
	if size < 1 {
		return nil, in.fail("the size of a chunk is %d, it must be 1 or more", size)
	}
	chunks := make([]any, 0, int64(len(a))/size+1)
	for len(a) > 0 {
		n := int(min(size, int64(len(a))))
		chunks = append(chunks, a[:n:n])
		a = a[n:]
	}
	return chunks, nil
}

// arrayContains compares as AWS was seen to: scalars by their text, so that
// "1" is found in [1], and objects with their members in the same order.
func arrayContains(in *invocation) (any, error) {
	a, err := in.array(0)
	if err != nil {
		return nil, err
	}
	for i := range in.args {
		if _, err := in.sized(i); err != nil {
			return nil, err
		}
	}
	for _, v := range a {
		if sameText(v, in.args[1]) {
			return true, nil
		}
	}
	return false, nil
}

func sameText(a, b any) bool {
	if a == nil || b == nil {
		return a == b
	}
	switch x := a.(type) {
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !sameText(x[i], y[i]) {
				return false
			}
		}
		return true
	case *document.Object:
		y, ok := b.(*document.Object)
		if !ok || x.Len() != y.Len() {
			return false
		}
		for i := range x.Len() {
			k, v := x.At(i)
			l, w := y.At(i)
			if k != l || !sameText(v, w) {
				return false
			}
		}
		return true
	}
	switch b.(type) {
	case []any, *document.Object:
		return false
	}
	return string(jsonpath.AppendJava(nil, a)) == string(jsonpath.AppendJava(nil, b))
}

// arrayRange counts from the first argument up or down to the second,
// inclusive, by the third.
func arrayRange(in *invocation) (any, error) {
	var n [3]int64
	for i := range n {
		var err error
		if n[i], err = in.truncated(i); err != nil {
			return nil, err
		}
	}
	first, last, step := n[0], n[1], n[2]
	if step == 0 {
		return nil, in.fail("the step is 0, it must be a number of 1 or more, or of -1 or less")
	}
	count := (last-first)/step + 1
	if (last-first > 0) != (step > 0) && last != first {
		count = 0
	}
	if count > maxRange {
		return nil, in.fail("the range has %d items, at most %d are allowed", count, maxRange)
	}
	items := make([]any, count)
	for i := range items {
		items[i] = document.Int(first + int64(i)*step)
	}
	return items, nil
}

// arrayGetItem returns the item at an index that counts from 0. Of an empty
// array AWS returns null, whatever the index.
func arrayGetItem(in *invocation) (any, error) {
	a, err := in.array(0)
	if err != nil {
		return nil, err
	}
	i, err := in.truncated(1)
	switch {
	case err != nil:
		return nil, err
	case len(a) == 0:
		return nil, nil
	case i < 0 || i >= int64(len(a)):
		return nil, in.fail("the index is %d, the array has indexes 0 to %d", i, len(a)-1)
	}
	return a[i], nil
}
