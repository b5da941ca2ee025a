# SPDX-License-Identifier: GPL-2.0-or-later
"""A desktop for clients with windows: a display without a screen, and a session
bus. Both are the stage's own and end with it."""
from stage import need, wait_for

need("dbus", "python3-dbus", "python3-gi")
import dbus  # noqa: E402
import dbus.mainloop.glib  # noqa: E402
from gi.repository import GLib  # noqa: E402

dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)


def display(stage):
    """Starts an X server; DISPLAY is in the stage's environment then."""
    need("xvfb", "xauth")
    child, log = stage.spawn("Xvfb", "-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp", name="display")
    # With many tries of taken numbers the last line is the one.
    wait_for(lambda: log.read_text().strip().rpartition("\n")[2].isdigit(), "the display is up")
    stage.env["DISPLAY"] = ":" + log.read_text().strip().rpartition("\n")[2]


def bus(stage):
    """Starts a session bus, and returns a connection to it."""
    _, log = stage.spawn("dbus-daemon", "--session", "--nofork", "--print-address=1", name="bus")
    wait_for(lambda: log.read_text().endswith("\n"), "the session bus is up")
    stage.env["DBUS_SESSION_BUS_ADDRESS"] = log.read_text().split("\n")[0]
    return dbus.bus.BusConnection(stage.env["DBUS_SESSION_BUS_ADDRESS"])


def service(connection, name, path, interface):
    """Waits for a service on the bus and returns its interface."""
    wait_for(lambda: connection.name_has_owner(name), "%s on the bus" % name)
    return dbus.Interface(connection.get_object(name, path), interface)


def heed(look, what):
    """Waits until look() is true, while the bus's signals are taken."""
    context = GLib.MainContext.default()

    def turn():
        while context.iteration(False):
            pass
        return look()

    wait_for(turn, what)
