// SPDX-License-Identifier: GPL-2.0-or-later

package systemd_test

import (
	"context"
	"path"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"spectrum.im/spectrum2/daemon/systemd"
	"spectrum.im/spectrum2/daemon/systemd/bustest"
)

const (
	manager  = "org.freedesktop.systemd1"
	unitPath = dbus.ObjectPath("/org/freedesktop/systemd1/unit/u")
	jobPath  = dbus.ObjectPath("/org/freedesktop/systemd1/job/7")
)

// fakeSystemd answers what the package asks PID 1.
type fakeSystemd struct {
	job   atomic.Value // string, "" for none
	units []string
}

func (f *fakeSystemd) GetUnit(name string) (dbus.ObjectPath, *dbus.Error) {
	if name != "spectrum2@irc.service" {
		return "", dbus.NewError(manager+".NoSuchUnit", []any{"Unit " + name + " not loaded."})
	}
	return unitPath, nil
}

// unit is an entry of systemd's list: the name, and what nobody here reads.
type unit struct {
	Name, Description, Load, Active, Sub, Following string
	Path                                            dbus.ObjectPath
	Job                                             uint32
	JobType                                         string
	JobPath                                         dbus.ObjectPath
}

func (f *fakeSystemd) ListUnitsByPatterns(states, patterns []string) ([]unit, *dbus.Error) {
	list := []unit{}
	for _, name := range f.units {
		if ok, _ := path.Match(patterns[0], name); ok {
			list = append(list, unit{Name: name, Path: unitPath, JobPath: "/"})
		}
	}
	return list, nil
}

// Get is org.freedesktop.DBus.Properties of both objects.
func (f *fakeSystemd) Get(iface, name string) (dbus.Variant, *dbus.Error) {
	type job struct {
		ID   uint32
		Path dbus.ObjectPath
	}
	kind, _ := f.job.Load().(string)
	switch {
	case iface == manager+".Unit" && name == "Job" && kind == "":
		return dbus.MakeVariant(job{0, "/"}), nil
	case iface == manager+".Unit" && name == "Job":
		return dbus.MakeVariant(job{7, jobPath}), nil
	case iface == manager+".Job" && name == "JobType":
		return dbus.MakeVariant(kind), nil
	}
	return dbus.Variant{}, &dbus.ErrMsgUnknownInterface
}

// soon is the context of calls to a bus.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func (f *fakeSystemd) start(t *testing.T) {
	t.Helper()
	bustest.Start(t)
	c := bustest.Connect(t)
	for at, iface := range map[dbus.ObjectPath]string{
		"/org/freedesktop/systemd1": manager + ".Manager",
		unitPath:                    "org.freedesktop.DBus.Properties",
		jobPath:                     "org.freedesktop.DBus.Properties",
	} {
		if err := c.Export(f, at, iface); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.RequestName(manager, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
}

func TestRestartIsToldFromStop(t *testing.T) {
	f := &fakeSystemd{}
	f.start(t)
	for _, kind := range []string{"restart", "stop", ""} {
		f.job.Store(kind)
		if got, err := systemd.JobOfUnit(soon(t), "spectrum2@irc.service"); got != kind || err != nil {
			t.Errorf("job %q: %q, %v", kind, got, err)
		}
	}
	if _, err := systemd.JobOfUnit(soon(t), "spectrum2@other.service"); err == nil {
		t.Error("no error for a unit that is not there")
	}
}

func TestJobWithoutABusIsAnError(t *testing.T) {
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
	if kind, err := systemd.JobOfUnit(soon(t), "spectrum2@irc.service"); err == nil {
		t.Errorf("job %q", kind)
	}
}

func TestScopesInUseAreFound(t *testing.T) {
	f := &fakeSystemd{units: []string{"spectrum2-irc-backend-12.scope", "spectrum2-irc-backend-2.scope",
		"spectrum2-irc-backend-x.scope", "spectrum2-irc-backend-007.scope",
		"spectrum2-other-backend-3.scope"}}
	f.start(t)
	got, err := systemd.ScopeNumbers(soon(t), "irc")
	if err != nil || !reflect.DeepEqual(got, []int{2, 12}) {
		t.Errorf("numbers %v, %v", got, err)
	}
}
