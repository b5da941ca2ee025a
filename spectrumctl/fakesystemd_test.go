// SPDX-License-Identifier: GPL-2.0-or-later

package spectrumctl_test

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"

	"spectrum.im/spectrum2/spectrumctl/units"
)

const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>`

// fakeUnit is a unit as the fake systemd has it.
type fakeUnit struct {
	active, sub, load, result, text string
	exit                            int32
	enabled                         bool
	since                           time.Time
	memory                          uint64
	// next is the result of the next job; "" is done.
	next string
}

// fakeSystemd is org.freedesktop.systemd1 on a bus of its own: it starts and
// stops what start and stop do, and tells of the jobs as systemd does.
type fakeSystemd struct {
	start, stop func(instance string) error
	reload      func(instance string) error

	conn    *dbus.Conn
	address string
	mu      sync.Mutex
	units   map[string]*fakeUnit
	denied  bool
	jobs    uint32
	reloads int
	wg      sync.WaitGroup
}

// run starts a bus below dir and the fake on it; end ends both.
func (f *fakeSystemd) run(dir string) (end func(), err error) {
	f.units = map[string]*fakeUnit{}
	socket, conf := filepath.Join(dir, "bus"), filepath.Join(dir, "bus.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, busConfig, socket), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command("dbus-daemon", "--config-file="+conf, "--nofork", "--nosyslog", "--print-address=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start dbus-daemon, which the test needs (apt-get install dbus): %w", err)
	}
	stopBus := func() { cmd.Process.Signal(syscall.SIGTERM); cmd.Wait() }
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		stopBus()
		return nil, fmt.Errorf("dbus-daemon said nothing: %w", err)
	}
	f.address = "unix:path=" + socket
	if err := f.export(); err != nil {
		stopBus()
		return nil, err
	}
	return func() { f.wg.Wait(); f.conn.Close(); stopBus() }, nil
}

func (f *fakeSystemd) export() (err error) {
	if f.conn, err = dbus.Connect(f.address); err != nil {
		return err
	}
	if err := f.conn.Export(manager{f}, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"); err != nil {
		return err
	}
	if err := f.conn.ExportSubtree(properties{f}, "/org/freedesktop/systemd1/unit", "org.freedesktop.DBus.Properties"); err != nil {
		return err
	}
	_, err = f.conn.RequestName("org.freedesktop.systemd1", dbus.NameFlagDoNotQueue)
	return err
}

// change does fn with a unit, made if need be.
func (f *fakeSystemd) change(name string, fn func(u *fakeUnit)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.units[name] == nil {
		f.units[name] = &fakeUnit{active: "inactive", result: "success", memory: math.MaxUint64}
	}
	fn(f.units[name])
}

// manager are the methods of systemd's manager that the tool may call.
type manager struct{ f *fakeSystemd }

func (m manager) refuse() *dbus.Error {
	m.f.mu.Lock()
	defer m.f.mu.Unlock()
	if m.f.denied {
		return dbus.NewError("org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", []any{"Interactive authentication required."})
	}
	return nil
}

// job changes the unit, does fn, and tells the result after it has returned
// the job's path.
func (m manager) job(name string, become func(u *fakeUnit), fn func(instance string) error) (dbus.ObjectPath, *dbus.Error) {
	if err := m.refuse(); err != nil {
		return "", err
	}
	var id uint32
	var result string
	m.f.change(name, func(u *fakeUnit) {
		m.f.jobs++
		id, result = m.f.jobs, u.next
		if result == "failed" {
			u.active, u.result = "failed", "exit-code"
		}
	})
	job := dbus.ObjectPath("/org/freedesktop/systemd1/job/" + strconv.Itoa(int(id)))
	m.f.wg.Go(func() {
		if result == "" {
			result = "done"
			if !strings.HasSuffix(name, ".service") { // a socket by itself
				fn = func(string) error { return nil }
			}
			if err := fn(units.Instance(name)); err != nil {
				result = "failed"
			}
			m.f.change(name, become)
		}
		m.f.conn.Emit("/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager.JobRemoved", id, job, name, result)
	})
	return job, nil
}

func up(text string) func(*fakeUnit) {
	return func(u *fakeUnit) {
		u.active, u.since, u.text, u.memory = "active", time.Now(), text, 42<<20+103<<10
	}
}

func (m manager) StartUnit(name, _ string) (dbus.ObjectPath, *dbus.Error) {
	return m.job(name, up("0 users online, 1 backend, connected to 127.0.0.1:5347"), m.f.start)
}

func (m manager) StopUnit(name, _ string) (dbus.ObjectPath, *dbus.Error) {
	return m.job(name, func(u *fakeUnit) { u.active, u.text, u.memory = "inactive", "", math.MaxUint64 }, m.f.stop)
}

func (m manager) RestartUnit(name, _ string) (dbus.ObjectPath, *dbus.Error) {
	return m.job(name, up("waiting for 127.0.0.1:5347"), func(i string) error {
		if err := m.f.stop(i); err != nil {
			return err
		}
		return m.f.start(i)
	})
}

func (m manager) ReloadUnit(name, _ string) (dbus.ObjectPath, *dbus.Error) {
	return m.job(name, func(*fakeUnit) {}, m.f.reload)
}

func (m manager) Reload() *dbus.Error {
	if err := m.refuse(); err != nil {
		return err
	}
	m.f.mu.Lock()
	defer m.f.mu.Unlock()
	m.f.reloads++
	return nil
}

type change struct{ Type, File, Destination string }

func (m manager) EnableUnitFiles(files []string, _, _ bool) (bool, []change, *dbus.Error) {
	changes, err := m.setEnabled(files, true)
	return true, changes, err
}

func (m manager) DisableUnitFiles(files []string, _ bool) ([]change, *dbus.Error) {
	return m.setEnabled(files, false)
}

func (m manager) setEnabled(files []string, on bool) ([]change, *dbus.Error) {
	if err := m.refuse(); err != nil {
		return nil, err
	}
	changes := []change{}
	for _, name := range files {
		m.f.change(name, func(u *fakeUnit) {
			if u.enabled != on {
				u.enabled = on
				changes = append(changes, change{"symlink", "/etc/systemd/system/x/" + name, "/lib"})
			}
		})
	}
	return changes, nil
}

type listed struct {
	Name, Description, Load, Active, Sub, Follow string
	Path                                         dbus.ObjectPath
	JobID                                        uint32
	JobType                                      string
	JobPath                                      dbus.ObjectPath
}

func (m manager) ListUnitsByPatterns(_, patterns []string) ([]listed, *dbus.Error) {
	m.f.mu.Lock()
	defer m.f.mu.Unlock()
	out := []listed{}
	for _, name := range slices.Sorted(maps.Keys(m.f.units)) {
		if ok, _ := path.Match(patterns[0], name); ok {
			out = append(out, listed{Name: name, Load: "loaded", Active: m.f.units[name].active, Path: "/", JobPath: "/"})
		}
	}
	return out, nil
}

type unitFile struct{ Path, State string }

func (m manager) ListUnitFilesByPatterns(_, _ []string) ([]unitFile, *dbus.Error) {
	m.f.mu.Lock()
	defer m.f.mu.Unlock()
	out := []unitFile{{"/usr/lib/systemd/system/spectrum2@.service", "disabled"}}
	for _, name := range slices.Sorted(maps.Keys(m.f.units)) {
		if m.f.units[name].enabled {
			out = append(out, unitFile{"/etc/systemd/system/x/" + name, "enabled"})
		}
	}
	return out, nil
}

// properties are those of all units, by the object's path.
type properties struct{ f *fakeSystemd }

func (p properties) GetAll(msg dbus.Message, _ string) (map[string]dbus.Variant, *dbus.Error) {
	object := msg.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	name := unescape(path.Base(string(object)))
	out := map[string]dbus.Variant{}
	set := func(k string, v any) { out[k] = dbus.MakeVariant(v) }
	if slice, ok := strings.CutSuffix(name, ".slice"); ok {
		p.f.change("spectrum2@"+strings.TrimPrefix(slice, "spectrum2-")+".service", func(u *fakeUnit) {
			set("MemoryCurrent", u.memory)
			set("MemoryMax", uint64(math.MaxUint64))
		})
		return out, nil
	}
	p.f.change(name, func(u *fakeUnit) {
		set("LoadState", cmp.Or(u.load, "loaded"))
		set("ActiveState", u.active)
		set("SubState", u.sub)
		set("Result", u.result)
		set("StatusText", u.text)
		set("UnitFileState", map[bool]string{true: "enabled", false: "disabled"}[u.enabled])
		set("ExecMainStatus", u.exit)
		set("MainPID", map[bool]uint32{true: 4711}[u.active == "active"])
		set("ActiveEnterTimestamp", uint64(max(u.since.UnixMicro(), 0)))
		set("InvocationID", bytes.Repeat([]byte{0xab}, 16))
	})
	return out, nil
}

// unescape undoes systemd's escaping of unit names in object paths.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '_' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
