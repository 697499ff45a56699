package intrinsic

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"unicode/utf8"

	"millrace/asl/jsonpath"
)

// maxCoded is how many characters the functions of this file take.
const maxCoded = 10_000

func (in *invocation) short(i int, s string) (string, error) {
	n := utf8.RuneCountInString(s)
	for _, r := range s {
		if r > 0xffff {
			n++ // Java counts UTF-16 units
		}
	}
	if n > maxCoded {
		return "", in.fail("argument %d has %d characters, at most %d are allowed", i+1, n, maxCoded)
	}
	return s, nil
}

func base64Encode(in *invocation) (any, error) {
	s, err := in.text(0)
	if err != nil {
		return nil, err
	}
	if s, err = in.short(0, s); err != nil {
		return nil, err
	}
	return base64.StdEncoding.EncodeToString([]byte(s)), nil
}

// base64Decode is as lenient as AWS: it skips what is no Base64 character,
// takes the alphabet of URLs too, and stops at the first '='.
func base64Decode(in *invocation) (any, error) {
	s, err := in.text(0)
	if err != nil {
		return nil, err
	}
	if s, err = in.short(0, s); err != nil {
		return nil, err
	}
	alphabet := make([]byte, 0, len(s))
scan:
	for _, c := range []byte(s) {
		switch {
		case c == '=':
			break scan
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '+', c == '/':
			alphabet = append(alphabet, c)
		case c == '-':
			alphabet = append(alphabet, '+')
		case c == '_':
			alphabet = append(alphabet, '/')
		}
	}
	if len(alphabet)%4 == 1 {
		alphabet = alphabet[:len(alphabet)-1] // six bits are no byte
	}
	decoded, err := base64.RawStdEncoding.DecodeString(string(alphabet))
	if err != nil {
		return nil, in.fail("the text is no Base64: %v", err)
	}
	if !utf8.Valid(decoded) {
		return string([]rune(string(decoded))), nil
	}
	return string(decoded), nil
}

// hashOf returns a digest in hexadecimal. AWS takes data that is no text too,
// and hashes the text that Java's toString makes of it.
func hashOf(in *invocation) (any, error) {
	if in.args[0] == nil {
		return nil, in.unfit(0, aText)
	}
	v, err := in.sized(0)
	if err != nil {
		return nil, err
	}
	s, err := in.short(0, string(jsonpath.AppendJava(nil, v)))
	if err != nil {
		return nil, err
	}
	algorithm, err := in.text(1)
	if err != nil {
		return nil, err
	}
	data := []byte(s)
	var sum []byte
	switch algorithm {
	case "MD5":
		d := md5.Sum(data)
		sum = d[:]
	case "SHA-1":
		d := sha1.Sum(data)
		sum = d[:]
	case "SHA-256":
		d := sha256.Sum256(data)
		sum = d[:]
	case "SHA-384":
		d := sha512.Sum384(data)
		sum = d[:]
	case "SHA-512":
		d := sha512.Sum512(data)
		sum = d[:]
	default:
		return nil, in.fail("the algorithm is %q, it must be MD5, SHA-1, SHA-256, SHA-384 or SHA-512", cut(algorithm))
	}
	return hex.EncodeToString(sum), nil
}
