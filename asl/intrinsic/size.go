package intrinsic

import "millrace/asl/document"

// maxMade is how many bytes of text a function may make of its arguments: far
// more than a payload holds, so that only what would fail anyway is cut off.
const maxMade = 4 << 20

// sized refuses an argument whose text is longer than maxMade. A value that is
// shared many times is small in memory and may be huge as text.
func (in *invocation) sized(i int) (any, error) {
	if left := room(in.args[i], maxMade); left < 0 {
		return nil, in.fail("argument %d is longer than %d bytes as text", i+1, maxMade)
	}
	return in.args[i], nil
}

// room returns how much of left remains after the text of v, or less than 0.
func room(v any, left int) int {
	switch v := v.(type) {
	case string:
		return left - len(v) - 2
	case document.Number:
		return left - len(v)
	case []any:
		left -= 2
		for i := 0; i < len(v) && left >= 0; i++ {
			left = room(v[i], left) - 1
		}
		return left
	case *document.Object:
		left -= 2
		for i := 0; i < v.Len() && left >= 0; i++ {
			name, member := v.At(i)
			left = room(member, left-len(name)-4)
		}
		return left
	}
	return left - 5 // false
}
