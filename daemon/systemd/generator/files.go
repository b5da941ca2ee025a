// SPDX-License-Identifier: GPL-2.0-or-later

package generator

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"spectrum.im/spectrum2/daemon/config"
	"spectrum.im/spectrum2/daemon/systemd"
)

// Files are the drop-ins of one instance, none for a plain gateway. The
// warnings say what of the configuration they leave out, and why; they are for
// the administrator.
func Files(c *config.Config) (files []File, warnings []string) {
	sockets, warnings := sockets(c)
	var requires []string
	for _, s := range sockets {
		requires = append(requires, s.unit)
		files = append(files, File{dropIn(s.unit), header(c) +
			"[Socket]\nListenStream=\nListenStream=" + s.listen + "\n"})
	}
	paths, more := writablePaths(c)
	warnings = append(append(warnings, more...), hiddenFiles(c)...)
	if text := serviceText(requires, paths); text != "" {
		files = append(files, File{dropIn(systemd.ServiceUnit(c.Instance)), header(c) + text})
	}
	return files, warnings
}

// dropIn is the one file that the generator writes for a unit.
func dropIn(unit string) string { return unit + ".d/50-spectrum2-generator.conf" }

func header(c *config.Config) string {
	return "# Made by spectrum2-generator from " + c.File + ".\n" +
		"# Change it there, then run \"systemctl daemon-reload\".\n"
}

func serviceText(requires, paths []string) string {
	var b strings.Builder
	if len(requires) > 0 {
		units := strings.Join(requires, " ")
		b.WriteString("[Unit]\nRequires=" + units + "\nAfter=" + units + "\n")
	}
	if len(paths) > 0 {
		b.WriteString("[Service]\n")
	}
	for _, p := range paths {
		b.WriteString("ReadWritePaths=" + quote("-"+p) + "\n")
	}
	return b.String()
}

// socket is one client port.
type socket struct{ unit, listen string }

// sockets are the client ports of an instance in server mode.
func sockets(c *config.Config) (list []socket, warnings []string) {
	if !c.Service.ServerMode {
		return nil, nil
	}
	ports := []struct {
		name, key string
		port      int
	}{
		{systemd.SocketClient, "service.port", c.Service.Port},
		{systemd.SocketClientTLS, "service.tls_port", c.Service.TLSPort},
		{systemd.SocketClientWebSocket, "service.websocket_port", c.Service.WebSocketPort},
	}
	for _, p := range ports {
		if p.port == 0 {
			continue
		}
		listen, err := listenAddress(c.Service.Server, p.port)
		if err != nil {
			warnings = append(warnings, fmt.Sprintf("%s: %s: no socket unit: %v; the daemon opens the port itself",
				c.File, p.key, err))
			continue
		}
		list = append(list, socket{ClientSocketUnit(p.name, c.Instance), listen})
	}
	return list, warnings
}

// ClientSockets are the socket units of an instance's client ports; none in
// gateway mode.
func ClientSockets(c *config.Config) (units []string) {
	list, _ := sockets(c)
	for _, s := range list {
		units = append(units, s.unit)
	}
	return units
}

// AllClientSockets are the units that an instance can have for client ports,
// whatever its configuration says.
func AllClientSockets(instance string) (units []string) {
	for _, name := range []string{systemd.SocketClient, systemd.SocketClientTLS, systemd.SocketClientWebSocket} {
		units = append(units, ClientSocketUnit(name, instance))
	}
	return units
}

// ClientSocketUnit is the socket unit of a client port; name is its
// FileDescriptorName=.
func ClientSocketUnit(name, instance string) string {
	return "spectrum2-" + name + "@" + instance + ".socket"
}

// listenAddress is for ListenStream=, which takes addresses and no names. A
// port alone is every address, with or without IPv6.
func listenAddress(host string, port int) (string, error) {
	switch host {
	case "":
		return strconv.Itoa(port), nil
	case "localhost":
		host = "127.0.0.1"
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil {
		return "", fmt.Errorf("service.server is %q, not an address", host)
	}
	return netip.AddrPortFrom(addr, uint16(port)).String(), nil
}

// quote writes one word of a unit file's list.
func quote(word string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`).Replace(word) + `"`
}
