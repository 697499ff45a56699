package objectstore

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"strings"
)

// The checksum algorithms, as x-amz-checksum-algorithm spells them.
var algorithms = []string{"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"}

// defaultAlgorithm is computed when the client names none, as S3 does.
const defaultAlgorithm = "CRC64NVME"

// nvme is the CRC-64 of the NVM Express specification; Go wants the polynomial's bits reversed.
var nvme = crc64.MakeTable(0x9a6c9329ac4bc9b5)

// checksums computes an object's checksum while it is taken in.
type checksums struct {
	algorithm string
	hash.Hash
}

func newChecksums(algorithm string) checksums {
	c := checksums{algorithm: algorithm}
	switch algorithm {
	case "CRC32":
		c.Hash = crc32.NewIEEE()
	case "CRC32C":
		c.Hash = crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case "SHA1":
		c.Hash = sha1.New()
	case "SHA256":
		c.Hash = sha256.New()
	default:
		c.algorithm, c.Hash = defaultAlgorithm, crc64.New(nvme)
	}
	return c
}

// value is the checksum as headers carry it: base64.
func (c checksums) value() string { return base64.StdEncoding.EncodeToString(c.Sum(nil)) }

func knownAlgorithm(a string) bool {
	for _, k := range algorithms {
		if a == k {
			return true
		}
	}
	return false
}

// checksumHeader is the header that carries an algorithm's checksum.
func checksumHeader(algorithm string) string {
	return "x-amz-checksum-" + strings.ToLower(algorithm)
}

// claimed finds the checksum that a request's headers or trailers promise.
func claimed(h http.Header) (algorithm, value string) {
	for _, a := range algorithms {
		if v := h.Get(checksumHeader(a)); v != "" {
			return a, v
		}
	}
	return "", ""
}
