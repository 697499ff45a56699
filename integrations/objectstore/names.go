package objectstore

import (
	"net"
	"net/http"
	"strings"
	"unicode/utf8"

	"millrace/tasks"
)

// MaxKey is the longest key in bytes of UTF-8.
const MaxKey = 1024

// checkBucketName applies the naming rules of general purpose buckets.
//
// Source: "Bucket naming rules" of the Amazon S3 user guide.
func checkBucketName(name string) error {
	if !validBucketName(name) {
		return fault(http.StatusBadRequest, "InvalidBucketName", "The specified bucket is not valid.", "BucketName", cut(name))
	}
	return nil
}

func validBucketName(name string) bool {
	if len(name) < 3 || len(name) > 63 {
		return false
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		edge := i == 0 || i == len(name)-1
		if !letter && (edge || c != '-' && c != '.') {
			return false
		}
	}
	if strings.Contains(name, "..") || net.ParseIP(name) != nil {
		return false
	}
	for _, p := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		if strings.HasPrefix(name, p) {
			return false
		}
	}
	for _, s := range []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"} {
		if strings.HasSuffix(name, s) {
			return false
		}
	}
	return true
}

// checkKey refuses keys that cannot be stored. All else is a key, kept verbatim:
// colons, double slashes and dots mean nothing here.
func checkKey(key string) error {
	switch {
	case key == "":
		return missing("Key")
	case len(key) > MaxKey:
		return fault(http.StatusBadRequest, "KeyTooLongError", "Your key is too long",
			"MaxSizeAllowed", "1024", "Size", itoa(int64(len(key))))
	case !utf8.ValidString(key):
		return fault(http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI.")
	}
	return nil
}

func missing(member string) *tasks.Error {
	return fault(http.StatusBadRequest, "InvalidRequest", member+" is required")
}

// after returns the least string greater than every string with the prefix, or
// "" when there is none. Strings are compared by bytes.
func after(prefix string) string {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			return prefix[:i] + string([]byte{prefix[i] + 1})
		}
	}
	return ""
}
