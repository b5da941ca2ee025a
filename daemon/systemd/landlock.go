// SPDX-License-Identifier: GPL-2.0-or-later

package systemd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// Landlock is what a backend may reach beyond what every backend gets: the
// programs and libraries of /usr, the files of /etc that name resolution, TLS
// and time zones need, and the network. Paths are absolute; what does not exist
// when the backend starts cannot be reached later, except below a directory
// that is named.
type Landlock struct {
	// RW are directories (and files) to read and write: the backend's own
	// working directory, a spool.
	RW []string
	// RO are files and directories to read: its copy of the configuration.
	RO []string
	// Socket is the unix socket of the main process, "" for TCP.
	Socket string
}

const (
	readFile  = landlock.AccessFSSet(ll.AccessFSReadFile)
	read      = landlock.AccessFSSet(ll.AccessFSReadFile | ll.AccessFSReadDir)
	execute   = read | landlock.AccessFSSet(ll.AccessFSExecute)
	writeFile = landlock.AccessFSSet(ll.AccessFSReadFile | ll.AccessFSWriteFile | ll.AccessFSTruncate)
	write     = writeFile | landlock.AccessFSSet(ll.AccessFSReadDir|ll.AccessFSRemoveDir|ll.AccessFSRemoveFile|
		ll.AccessFSMakeDir|ll.AccessFSMakeReg|ll.AccessFSMakeSock|ll.AccessFSMakeFifo|ll.AccessFSMakeSym)
	refer   = landlock.AccessFSSet(ll.AccessFSRefer)
	connect = landlock.AccessFSSet(ll.AccessFSResolveUnix)
	// ofFiles are the rights that mean something on a file; the kernel
	// refuses a rule that gives a file others.
	ofFiles = writeFile | landlock.AccessFSSet(ll.AccessFSExecute) | connect
)

// always is what every backend gets. /proc as a whole: what of it belongs to
// other processes needs ptrace's rights, which a Landlock domain does not have
// outside itself; /proc/self as a rule would be the stub's inode and could be
// lost.
var always = []struct {
	access landlock.AccessFSSet
	paths  []string
}{
	{execute, []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}},
	{read, []string{
		"/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/ca-certificates", "/etc/pki/tls", "/etc/pki/ca-trust",
		"/etc/crypto-policies", "/etc/gnutls", "/etc/localtime", "/etc/timezone", "/etc/ld.so.cache",
		"/etc/ld.so.preload", "/etc/passwd", "/etc/group", "/etc/hostname", "/etc/hosts", "/etc/host.conf",
		"/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/networks", "/etc/services",
		"/etc/protocols", "/etc/mime.types", "/etc/terminfo", "/etc/locale.alias", "/etc/python3",
		"/proc", "/dev/random", "/dev/urandom", "/sys/devices/system/cpu", "/sys/fs/cgroup",
		"/sys/kernel/mm/transparent_hugepage", "/run/systemd/resolve", "/run/systemd/netif",
		"/var/lib/sss/mc", "/var/lib/ca-certificates",
	}},
	{writeFile, []string{"/dev/null", "/dev/zero", "/dev/full"}},
	{connect, []string{
		"/run/systemd/resolve", "/run/systemd/userdb", "/run/nscd", "/run/nslcd", "/run/avahi-daemon",
		"/var/lib/sss/pipes",
	}},
}

// confine restricts this process, and what it executes, for good. program is
// the backend's file. The kernel enforces as much of it as it knows.
func (l *Landlock) confine(program string) error {
	abi, err := ll.LandlockGetABIVersion()
	if err != nil || abi < 1 {
		return errors.New("the kernel has none, or does not allow it")
	}
	handled := write | execute | connect | refer |
		landlock.AccessFSSet(ll.AccessFSMakeChar|ll.AccessFSMakeBlock|ll.AccessFSIoctlDev)
	scoped := landlock.ScopedSet(ll.ScopeSignal | ll.ScopeAbstractUnixSocket)
	cfg, err := landlock.NewConfig(handled, scoped)
	if err != nil {
		return fmt.Errorf("make rules: %w", err)
	}
	return cfg.BestEffort().Restrict(l.rules(program, abi)...)
}

// rules lists everything that stays possible.
func (l *Landlock) rules(program string, abi int) []landlock.Rule {
	var rules []landlock.Rule
	add := func(access landlock.AccessFSSet, paths ...string) {
		for _, p := range paths {
			if r, ok := rule(access, p); ok {
				rules = append(rules, r)
			}
		}
	}
	for _, a := range always {
		add(a.access, a.paths...)
	}
	add(read, resolverDir()...)
	add(execute, programDir(program)...)
	add(read, l.RO...)
	own := write
	if abi >= 2 { // on 1 there is no renaming between directories, whatever is asked for
		own |= refer
	}
	add(own|connect, l.RW...)
	if l.Socket != "" {
		add(connect, socketPath(l.Socket))
	}
	return rules
}

// rule gives access to one path; false when it is not there.
func rule(access landlock.AccessFSSet, path string) (landlock.Rule, bool) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, false
	}
	if !fi.IsDir() {
		access &= ofFiles
	}
	return landlock.PathAccess(access, path).IgnoreIfMissing(), access != 0
}

// resolverDir is the directory in /run that /etc/resolv.conf points into: a
// rule for the file itself is lost when the file is replaced.
func resolverDir() []string {
	target, err := filepath.EvalSymlinks("/etc/resolv.conf")
	if err != nil || !strings.HasPrefix(target, "/run/") || filepath.Dir(target) == "/run" {
		return nil
	}
	return []string{filepath.Dir(target)}
}

// programDir is where a backend from outside /usr finds its own parts: its
// directory, unless that is one that holds other things.
func programDir(program string) []string {
	paths := []string{program}
	target, err := filepath.EvalSymlinks(program)
	if err != nil {
		return paths
	}
	dir := filepath.Dir(target)
	for _, shared := range []string{"/etc", "/run", "/root", "/var/lib/spectrum2"} {
		if dir == shared || strings.HasPrefix(dir, shared+"/") {
			return append(paths, target)
		}
	}
	if strings.Count(dir, "/") < 2 { // "/", "/home", "/tmp", …
		return append(paths, target)
	}
	return append(paths, target, dir)
}

// socketPath is what the rule for the main process's socket names. A socket of
// systemd's stays the same file over a restart; one that the main process made
// itself does not, so its directory is named.
func socketPath(socket string) string {
	if filepath.Dir(socket) == RunDir {
		return socket
	}
	return filepath.Dir(socket)
}
