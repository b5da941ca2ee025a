# shellcheck shell=bash
# A whole Debian with systemd as PID 1, in a folder of build/system: sourced by
# the system test and the demo.
#
#   machine_possible          whether one can be booted here; why not, on stdout
#                             (NO_SYSTEM=1 says that it cannot)
#   machine_make              a fresh system with everything but spectrum2
#   machine_boot              boots it
#   machine_run COMMAND...    runs a command in it
#   machine_end               ends it and removes it

machine_name=spectrum2-$$
machine_dir=$PWD/build/system
machine_root=$machine_dir/$machine_name
machine_log=$machine_dir/$machine_name.log
machine_pid=
machine_init=
machine_packages=systemd,systemd-sysv,dbus,polkitd,adduser,ca-certificates,logrotate,prosody,ngircd,python3-slixmpp,iproute2,procps,openssl,socat,sudo,postgresql,mariadb-server

machine_possible() {
	if [ -n "${NO_SYSTEM:-}" ]; then
		echo "NO_SYSTEM is set"
	elif [ "$(id -u)" != 0 ]; then
		echo "booting a system takes root"
	elif [ ! -d /sys/fs/cgroup ]; then
		echo "there are no control groups here"
	elif ! unshare --mount --pid --fork true 2>/dev/null; then
		echo "namespaces cannot be made here"
	else
		return 0
	fi
	return 1
}

# The base is made once for a list of packages and kept in build/system.
machine_base() {
	local key
	key=$(printf '%s' "$machine_packages" | sha256sum | cut -c1-12)
	machine_base_tar=$machine_dir/base-$key.tar
	[ ! -e "$machine_base_tar" ] || return 0
	mkdir -p "$machine_dir"
	mmdebstrap --quiet --format=tar --variant=minbase --include="$machine_packages" \
		--aptopt='Acquire::Languages "none"' bookworm "$machine_base_tar.new" || return 1
	mv "$machine_base_tar.new" "$machine_base_tar"
}

machine_make() {
	packaging/need mmdebstrap systemd-container procps
	machine_base || return 1
	mkdir -p "$machine_root"
	tar -C "$machine_root" -xf "$machine_base_tar" || return 1
	rm -f "$machine_root"/etc/apt/sources.list "$machine_root"/etc/apt/sources.list.d/*
	mkdir -p "$machine_root/opt/apt" "$machine_root/opt/tests"
	cp build/apt/* "$machine_root/opt/apt/"
	echo "deb [trusted=yes] file:/opt/apt ./" >"$machine_root/etc/apt/sources.list"
	cp -r packaging/debian/tests/. "$machine_root/opt/tests/"
	# Whoever wants a database starts its server.
	rm -f "$machine_root"/etc/systemd/system/multi-user.target.wants/{postgresql,mariadb}.service
	echo spectrum2-test >"$machine_root/etc/hostname"
	printf '127.0.0.1 localhost spectrum2-test\n::1 localhost\n' >"$machine_root/etc/hosts"
	# What wants a real machine's devices or a clock has no place here.
	ln -sf /dev/null "$machine_root/etc/systemd/system/systemd-timesyncd.service"
	ln -sf /dev/null "$machine_root/etc/systemd/system/apt-daily.timer"
	ln -sf /dev/null "$machine_root/etc/systemd/system/apt-daily-upgrade.timer"
}

machine_boot() {
	local i unit=()
	# Where systemd does not run there is nobody to ask for a unit.
	[ -d /run/systemd/system ] || unit=(--register=no --keep-unit)
	# systemd-nspawn's own filter lacks Landlock's system calls. In a session of
	# its own, so that Ctrl-C is for the script, which ends it in order.
	setsid systemd-nspawn -q -D "$machine_root" --boot --private-network "${unit[@]}" \
		--system-call-filter='landlock_create_ruleset landlock_add_rule landlock_restrict_self' \
		-M "$machine_name" --console=pipe >"$machine_log" 2>&1 </dev/null &
	machine_pid=$!
	for ((i = 0; i < 600; i++)); do
		if ! kill -0 "$machine_pid" 2>/dev/null; then
			tail -n 20 "$machine_log"
			echo "systemd-nspawn ended"
			return 1
		fi
		machine_init=$(pgrep -P "$machine_pid" | head -n 1)
		if [ -n "$machine_init" ] && machine_run test -S /run/dbus/system_bus_socket 2>/dev/null; then
			machine_run systemctl is-system-running --wait >/dev/null 2>&1
			return 0
		fi
		sleep 0.1
	done
	tail -n 20 "$machine_log"
	echo "the system did not come up within a minute"
	return 1
}

machine_run() {
	nsenter -t "$machine_init" -a -- /usr/bin/env -i \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
		TERM="${TERM:-dumb}" DEBIAN_FRONTEND=noninteractive SYSTEMD_PAGER= "$@"
}

# Nothing of the system is kept, so it is not asked to shut down: with its PID 1
# all its processes end.
machine_end() {
	if [ -n "$machine_pid" ] && kill -0 "$machine_pid" 2>/dev/null; then
		kill -KILL "${machine_init:-$machine_pid}" 2>/dev/null
		local i
		for ((i = 0; i < 50; i++)); do
			kill -0 "$machine_pid" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL "$machine_pid" 2>/dev/null
		wait "$machine_pid" 2>/dev/null
	fi
	rm -rf "$machine_root" "$machine_log"
}
