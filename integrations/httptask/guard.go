package httptask

import (
	"fmt"
	"net/netip"
)

// Allow says which addresses HTTP tasks may call. It is a [flag.Value].
type Allow byte

// The levels, each of which allows what those before it do. Plain http is for
// the addresses that a level beyond Public allows. Link-local addresses, where
// clouds answer with the machine's credentials, and other special ones are for
// Anywhere only.
const (
	Public   Allow = iota // public addresses, over HTTPS
	Loopback              // this machine
	Private               // private networks: 10/8, 172.16/12, 192.168/16, 100.64/10, fc00::/7
	Anywhere              // every address, and plain http to all
)

var allowNames = [...]string{"public", "loopback", "private", "any"}

// String is the level as Set reads it.
func (a Allow) String() string { return allowNames[a] }

// Set reads a level: public, loopback, private or any.
func (a *Allow) Set(name string) error {
	for i, n := range allowNames {
		if n == name {
			*a = Allow(i)
			return nil
		}
	}
	return fmt.Errorf("%.40q: want public, loopback, private or any", name)
}

// refusal says that an address is not for HTTP tasks.
type refusal struct {
	address string
	what    string // what the address is, with its article
	needed  Allow
}

func (r *refusal) Error() string {
	return fmt.Sprintf("The call to %s was refused: it is %s. To allow such calls, start the server with --http-allow %s (MILLRACE_HTTP_ALLOW=%s).",
		r.address, r.what, r.needed, r.needed)
}

// check returns a *refusal if a may not be dialled.
func (a Allow) check(plain bool, address netip.AddrPort) error {
	needed, what := classify(address.Addr())
	if plain && needed == Public {
		needed, what = Anywhere, "a public address over plain http"
	}
	if needed > a {
		return &refusal{address.String(), what, needed}
	}
	return nil
}

// special are the blocks that are not for the public, beyond those that netip
// knows. Source: IANA's special-purpose address registries.
var special = []struct {
	block netip.Prefix
	level Allow
}{
	{netip.MustParsePrefix("0.0.0.0/8"), Anywhere},          // this network
	{netip.MustParsePrefix("100.100.100.200/32"), Anywhere}, // metadata of a cloud, in the shared space
	{netip.MustParsePrefix("100.64.0.0/10"), Private},       // shared by carriers
	{netip.MustParsePrefix("168.63.129.16/32"), Anywhere},   // metadata of a cloud
	{netip.MustParsePrefix("192.0.0.0/24"), Anywhere},       // protocol assignments
	{netip.MustParsePrefix("192.0.2.0/24"), Anywhere},       // documentation
	{netip.MustParsePrefix("192.88.99.0/24"), Anywhere},     // 6to4 relays
	{netip.MustParsePrefix("198.18.0.0/15"), Anywhere},      // benchmarks
	{netip.MustParsePrefix("198.51.100.0/24"), Anywhere},    // documentation
	{netip.MustParsePrefix("203.0.113.0/24"), Anywhere},     // documentation
	{netip.MustParsePrefix("240.0.0.0/4"), Anywhere},        // reserved
	{netip.MustParsePrefix("fd00:ec2::/32"), Anywhere},      // metadata of a cloud
	{netip.MustParsePrefix("64:ff9b:1::/48"), Anywhere},     // local-use translation
	{netip.MustParsePrefix("100::/64"), Anywhere},           // discard
	{netip.MustParsePrefix("2001::/23"), Anywhere},          // protocol assignments, Teredo
	{netip.MustParsePrefix("2001:db8::/32"), Anywhere},      // documentation
	{netip.MustParsePrefix("3fff::/20"), Anywhere},          // documentation
	{netip.MustParsePrefix("5f00::/16"), Anywhere},          // segment routing
	{netip.MustParsePrefix("fec0::/10"), Anywhere},          // site-local
}

var (
	translated = netip.MustParsePrefix("64:ff9b::/96") // an IPv4 address behind a translator
	sixToFour  = netip.MustParsePrefix("2002::/16")    // an IPv4 address in the second and third group
)

// classify returns the level that an address needs, and what it is.
func classify(ip netip.Addr) (Allow, string) {
	ip = ip.WithZone("").Unmap()
	if b := ip.As16(); ip.Is6() && translated.Contains(ip) {
		return classify(netip.AddrFrom4([4]byte(b[12:16])))
	} else if ip.Is6() && sixToFour.Contains(ip) {
		return classify(netip.AddrFrom4([4]byte(b[2:6])))
	}
	for _, s := range special {
		if s.block.Contains(ip) {
			if s.level == Private {
				return Private, "a private address"
			}
			return Anywhere, "a special address"
		}
	}
	switch {
	case ip.IsLoopback():
		return Loopback, "a loopback address"
	case ip.IsPrivate():
		return Private, "a private address"
	case ip.IsLinkLocalUnicast():
		return Anywhere, "a link-local address, as those of metadata services are"
	case !ip.IsGlobalUnicast():
		return Anywhere, "a special address"
	}
	return Public, ""
}
