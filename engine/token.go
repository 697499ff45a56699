package engine

import (
	"crypto/aes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"
	"strconv"
	"sync"
)

// MaxToken is the most bytes of a task token.
const MaxToken = 2048

// keys holds the secrets of the database. Those in use are derived from a
// master, one for each purpose.
type keys struct {
	masters map[int64][]byte
	current int64
	token   map[int64]*mac
}

// mac authenticates texts under one key. Its hashes are used again, keyed as they are.
type mac struct{ hashes sync.Pool }

func newMAC(key []byte) *mac {
	m := new(mac)
	m.hashes.New = func() any { return hmac.New(sha256.New, key) }
	return m
}

// sum appends the code of a text to dst.
func (m *mac) sum(dst, text []byte) []byte {
	h := m.hashes.Get().(hash.Hash)
	defer m.hashes.Put(h)
	h.Reset()
	h.Write(text)
	return h.Sum(dst)
}

// DeriveKey returns a secret of 32 bytes for a purpose, such as sealing an
// integration's links or receipts. It is the same as long as the database lives.
func (e *Engine) DeriveKey(purpose string) []byte {
	return derive(e.keys.masters[1], "derived/"+purpose)
}

func derive(master []byte, purpose string) []byte {
	h := hmac.New(sha256.New, master)
	h.Write([]byte(purpose))
	return h.Sum(nil)
}

// loadKeys reads the secrets, making the first one in a new database.
func (e *Engine) loadKeys() error {
	load := func(v View) error {
		list, err := v.Records(KeyRecord, 0, 1000)
		if err != nil {
			return err
		}
		e.keys = keys{masters: map[int64][]byte{}, token: map[int64]*mac{}}
		for _, r := range list {
			n, err := strconv.ParseInt(r.Name, 10, 64)
			if err != nil {
				return fmt.Errorf("key %q: %w", r.Name, err)
			}
			e.keys.masters[n] = r.Data
			e.keys.token[n] = newMAC(derive(r.Data, "token"))
			e.keys.current = max(e.keys.current, n)
		}
		return nil
	}
	err := e.unit(func(t *tx) error {
		if err := load(t.t); err != nil || len(e.keys.masters) > 0 {
			return err
		}
		secret := make([]byte, 32)
		rand.Read(secret)
		id, err := t.ID()
		if err == nil {
			err = t.t.PutRecord(Record{ID: id, Kind: KeyRecord, Name: "1", Data: secret})
		}
		if err == nil {
			err = load(t.t)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("load keys: %w", err)
	}
	block, err := aes.NewCipher(derive(e.keys.masters[1], "names")[:16])
	e.naming = naming{block}
	return err
}

// Token seals the task token of the task that an event of an execution
// scheduled. It says nothing of whether the task still waits.
func (e *Engine) Token(execution, event int64) string {
	b := make([]byte, 0, 64)
	b = append(b, 1)
	b = binary.AppendUvarint(b, uint64(e.keys.current))
	b = binary.AppendUvarint(b, uint64(execution))
	b = binary.AppendUvarint(b, uint64(event))
	return base64.RawURLEncoding.EncodeToString(e.keys.token[e.keys.current].sum(b, b))
}

// OpenToken returns what a token was sealed for, or ErrInvalidToken.
func (e *Engine) OpenToken(token string) (execution, event int64, err error) {
	if len(token) == 0 || len(token) > MaxToken {
		return 0, 0, fail(ErrInvalidToken, "a token has 1 to %d characters", MaxToken)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) < 1+sha256.Size || b[0] != 1 {
		return 0, 0, fail(ErrInvalidToken, "Invalid token")
	}
	text, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	var part [3]uint64
	rest := text[1:]
	for i := range part {
		v, n := binary.Uvarint(rest)
		if n <= 0 {
			return 0, 0, fail(ErrInvalidToken, "Invalid token")
		}
		part[i], rest = v, rest[n:]
	}
	key := e.keys.token[int64(part[0])]
	if key == nil || len(rest) != 0 || !hmac.Equal(key.sum(nil, text), sum) {
		return 0, 0, fail(ErrInvalidToken, "Invalid token")
	}
	return int64(part[1]), int64(part[2]), nil
}

// seal makes an opaque page token of numbers, bound to what it pages through.
func (e *Engine) seal(purpose string, numbers ...int64) string {
	var b []byte
	for _, n := range numbers {
		b = binary.AppendVarint(b, n)
	}
	return base64.RawURLEncoding.EncodeToString(append(b, e.sealMAC(purpose, b)...))
}

// unseal reads what seal made for the same purpose.
func (e *Engine) unseal(purpose, token string, numbers ...*int64) error {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) < 16 {
		return fail(ErrInvalidToken, "Invalid Token: %.100q", token)
	}
	text, sum := b[:len(b)-16], b[len(b)-16:]
	if !hmac.Equal(sum, e.sealMAC(purpose, text)) {
		return fail(ErrInvalidToken, "Invalid Token: %.100q", token)
	}
	for _, n := range numbers {
		v, w := binary.Varint(text)
		if w <= 0 {
			return fail(ErrInvalidToken, "Invalid Token: %.100q", token)
		}
		*n, text = v, text[w:]
	}
	return nil
}

func (e *Engine) sealMAC(purpose string, text []byte) []byte {
	h := hmac.New(sha256.New, e.DeriveKey("page/"+purpose))
	h.Write(text)
	return h.Sum(nil)[:16]
}
