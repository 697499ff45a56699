package asl

import (
	"regexp"
	"slices"
	"strings"
)

// unsupportedHeaders are the headers that an HTTP task may not set, nor one that
// calls API Gateway; those that begin with x-forwarded-, x-amz- and x-amzn- are others.
//
// Source: "HTTP Task" and "Call API Gateway" of the AWS Step Functions developer guide.
var unsupportedHeaders = map[string][]string{
	"http:invoke": strings.Fields("a-im accept-charset accept-datetime accept-encoding authorization cache-control connection content-encoding " +
		"content-md5 date expect forwarded from host http2-settings if-match if-modified-since if-none-match if-range if-unmodified-since " +
		"max-forwards origin pragma proxy-authorization referer server te trailer transfer-encoding upgrade via warning"),
	"apigateway:invoke": strings.Fields("authorization connection content-md5 expect host max-forwards proxy-authenticate server te " +
		"transfer-encoding trailer upgrade via www-authenticate"),
}

// UnsupportedHeader reports whether a task of arn:aws:states:::http:invoke may not
// set a header.
func UnsupportedHeader(name string) bool { return unsupportedHeader("http:invoke", name) }

func unsupportedHeader(resource, name string) bool {
	name = strings.ToLower(name)
	for _, prefix := range []string{"x-forwarded-", "x-amz-", "x-amzn-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return slices.Contains(unsupportedHeaders[resource], name)
}

// checkHTTP looks at what the parameters of an HTTP task, or of one that calls API
// Gateway, say without being evaluated.
func (c *compiler) checkHTTP(n *node, arn string, lang QueryLanguage) {
	_, resource, _ := strings.Cut(arn, ":states:::")
	resource = strings.TrimSuffix(resource, tokenPattern)
	if unsupportedHeaders[resource] == nil {
		return
	}
	parameters := n.get("Parameters")
	if lang == JSONata {
		parameters = n.get("Arguments")
	}
	var bad []string
	if headers := parameters.get("Headers"); headers != nil && headers.isObject() {
		for _, k := range headers.kids {
			name := strings.ToLower(k.key)
			if lang == JSONPath {
				name = strings.TrimSuffix(name, ".$")
			}
			if unsupportedHeader(resource, name) {
				bad = append(bad, name)
			}
		}
		if bad != nil {
			c.refuse(headers, parameters, codeSchema, "The 'Headers' field contains unsupported values: "+list(bad))
		}
	}
	endpoint := parameters.get("ApiEndpoint")
	text, ok := endpoint.text()
	later := lang == JSONata && isExpression(text) || c.opt.Strictness == Lenient && hasPlaceholder(text)
	if ok && resource == "http:invoke" && !later && !isHTTPS(text) {
		c.refuse(endpoint, parameters, codeSchema, "The value for the 'ApiEndpoint' field is not valid: it begins with https://")
	}
}

// isHTTPS reports whether a URL is one of HTTPS, or of plain HTTP within a network:
// AWS cannot call such, but a server that runs there may be allowed to.
func isHTTPS(text string) bool {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return false
	}
	host := strings.ToLower(rest)
	if i := strings.IndexAny(host, "/?#"); i >= 0 {
		host = host[:i]
	}
	switch strings.ToLower(scheme) {
	case "https":
		return host != ""
	case "http":
		return privateHost.MatchString(host)
	}
	return false
}

// privateHost matches a host and port that only its own network knows: a name without
// dots, or an address of RFC 1122, 1918 or 3927.
var privateHost = regexp.MustCompile(`^([a-z0-9_-]*[a-z_-][a-z0-9_-]*|[a-z0-9.-]+\.(localhost|internal)|\[::1\]|` +
	`(10|127)\.\d+\.\d+\.\d+|192\.168\.\d+\.\d+|169\.254\.\d+\.\d+|172\.(1[6-9]|2\d|3[01])\.\d+\.\d+)(:\d+)?$`)
