package engine

import (
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxName is the most characters that the name of a state machine, an execution
// or an activity has.
const MaxName = 80

// The default region and account of ARNs.
const (
	DefaultRegion  = "us-east-1"
	DefaultAccount = "000000000000"
)

// checkName refuses what AWS refuses as a name: white space, brackets, wildcards,
// and the special and control characters.
//
// Source: CreateStateMachine and StartExecution, parameter name.
func checkName(name string) error {
	if n := utf8.RuneCountInString(name); n == 0 || n > MaxName {
		return fail(ErrInvalidName, "a name has 1 to %d characters, this one %d", MaxName, n)
	}
	for _, r := range name {
		if !nameRune(r) {
			return fail(ErrInvalidName, "%.100q: the character %q is not allowed", name, r)
		}
	}
	return nil
}

func nameRune(r rune) bool {
	switch {
	case r <= 0x20, r >= 0x7f && r <= 0x9f, r == utf8.RuneError, r == 0x2028, r == 0x2029, r >= 0xfffe && r <= 0xffff:
		return false
	}
	return !strings.ContainsRune("?*<>{}[]\"#%\\^|~`$&,;:/", r)
}

// The kinds of ARNs of Step Functions.
const (
	machineKind   = "stateMachine"
	executionKind = "execution"
	expressKind   = "express"
	activityKind  = "activity"
)

// stateARN is a parsed ARN of Step Functions. parts are what follows the kind.
type stateARN struct {
	kind  string
	parts []string
}

// parseARN reads an ARN. It refuses what is none with ErrInvalidARN.
func parseARN(arn string) (stateARN, error) {
	f := strings.Split(arn, ":")
	switch {
	case f[0] != "arn":
		return stateARN{}, fail(ErrInvalidARN, "Invalid ARN prefix: %.200s", arn)
	case len(f) < 7 || !strings.HasPrefix(f[1], "aws"):
		return stateARN{}, fail(ErrInvalidARN, "Invalid ARN: %.200s", arn)
	case f[2] != "states":
		return stateARN{}, fail(ErrInvalidARN, "Invalid ARN service: %.200s", arn)
	}
	for _, part := range f[6:] {
		if part == "" {
			return stateARN{}, fail(ErrInvalidARN, "Invalid ARN resource: %.200s", arn)
		}
	}
	return stateARN{kind: f[5], parts: f[6:]}, nil
}

// ours reports whether an ARN names this engine's region and account.
func (e *Engine) ours(arn string) bool {
	f := strings.SplitN(arn, ":", 6)
	return len(f) == 6 && f[3] == e.region && f[4] == e.account
}

func (e *Engine) arn(kind string, parts ...string) string {
	return "arn:aws:states:" + e.region + ":" + e.account + ":" + kind + ":" + strings.Join(parts, ":")
}

// uuid lays out 122 bits as a random UUID.
func uuid(l, r uint64) string {
	var b [16]byte
	l, r = l<<3>>3, r<<3>>3 // 61 bits each
	// 48 bits, version, 12 bits, variant, 62 bits: the 13 low bits of l straddle the version.
	hi := l<<3 | r>>58
	binary.BigEndian.PutUint64(b[:8], hi>>16<<16|0x4000|hi>>4&0x0fff)
	binary.BigEndian.PutUint64(b[8:], 1<<63|hi&0xf<<58|r&(1<<58-1))
	var s [36]byte
	hex.Encode(s[0:8], b[0:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:], b[10:])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}

// unUUID takes apart what uuid laid out.
func unUUID(s string) (l, r uint64, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' || strings.ToLower(s) != s {
		return 0, 0, false
	}
	b, err := hex.DecodeString(s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:])
	if err != nil || b[6]>>4 != 4 || b[8]>>6 != 2 {
		return 0, 0, false
	}
	first, second := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	hi := first>>16<<16 | first&0x0fff<<4 | second>>58&0xf
	return hi >> 3, hi&7<<58 | second&(1<<58-1), true
}

// naming makes names of ids and finds the id of such a name, so that an
// execution nobody named needs no entry in an index of names. The names look
// like random UUIDs and cannot be foreseen without the key.
type naming struct{ block cipher.Block }

func (n naming) hash(purpose byte, v uint64) uint64 {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], v)
	b[15] = purpose
	n.block.Encrypt(b[:], b[:])
	return binary.BigEndian.Uint64(b[:]) >> 3
}

func (n naming) name(id int64) string {
	l := n.hash(1, uint64(id))
	return uuid(l, uint64(id)^n.hash(2, l))
}

func (n naming) id(name string) (int64, bool) {
	l, r, ok := unUUID(name)
	if !ok {
		return 0, false
	}
	id := r ^ n.hash(2, l)
	return int64(id), id != 0 && n.hash(1, id) == l
}

// fail wraps a sentinel with the text that tells what is wrong.
func fail(kind error, format string, args ...any) error {
	return &Fault{Kind: kind, Detail: fmt.Sprintf(format, args...)}
}

// Fault is one of the sentinels together with what it is about.
type Fault struct {
	Kind   error
	Detail string
}

func (f *Fault) Error() string { return f.Kind.Error() + ": " + f.Detail }

// Unwrap returns the sentinel.
func (f *Fault) Unwrap() error { return f.Kind }
