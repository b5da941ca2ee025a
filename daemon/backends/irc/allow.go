// SPDX-License-Identifier: GPL-2.0-or-later

package irc

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"spectrum.im/spectrum2/daemon/pbnetwork"
)

// Where users name the networks themselves, they may not make the transport
// connect to whatever it can reach: its own machine and network are for those
// hosts only that the configuration names, in a section [irc.HOST] or as
// [irc] network.

// allowed reports whether users may name this network at all.
func (n *Network) allowed(network string) error {
	list := n.config.Sections["irc"]["network"]
	if len(list) == 0 || n.named(network) {
		return nil
	}
	return fmt.Errorf("this transport leads to certain networks only: %s", strings.Join(list, ", "))
}

// named reports whether the configuration names the network, with its port or
// without.
func (n *Network) named(network string) bool {
	host := network
	if e, err := parseEndpoint(network); err == nil {
		host = e.host
	}
	for _, name := range []string{network, host} {
		if n.config.Sections["irc."+name] != nil || slices.ContainsFunc(n.config.Sections["irc"]["network"], func(s string) bool { return strings.EqualFold(s, name) }) {
			return true
		}
	}
	return false
}

// dialerFor is the dialer of one of many networks.
func (n *Network) dialerFor(network string) dialer {
	if n.named(network) {
		return n.dial
	}
	return n.public
}

// errNotPublic is a connection that a user may not ask for.
type errNotPublic struct{ addr netip.Addr }

func (e errNotPublic) Error() string {
	return e.addr.String() + " is not a public address"
}

// publicOnly refuses to connect to addresses that are not on the Internet. It
// sees what a name was resolved to.
func publicOnly(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("check address: %w", err)
	}
	if a := ap.Addr().Unmap(); !public(a) {
		return errNotPublic{a}
	}
	return nil
}

// closedNets are the networks besides those that netip knows: shared address
// space (RFC 6598), this network, protocol assignments, benchmarks, reserved;
// IPv6 forms of IPv4 addresses (NAT64, 6to4, Teredo, compatible and translated
// ones), and site-local addresses (RFC 3879), which are somebody's own still.
var closedNets = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("2001::/32"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("::ffff:0:0:0/96"), netip.MustParsePrefix("fec0::/10"),
}

func public(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.IsPrivate() && !slices.ContainsFunc(closedNets, func(p netip.Prefix) bool { return p.Contains(a) })
}

var publicDialer = net.Dialer{Control: publicOnly}

// notPublic is what a user reads of errNotPublic.
func notPublic(e endpoint) (pbnetwork.ConnectionError, string) {
	return pbnetwork.ConnectionError_CONNECTION_ERROR_INVALID_SETTINGS,
		e.host + " is not a public server, and the transport's configuration does not name it"
}
