# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Services that say themselves when they are ready: sd_notify(3), a newline on
# a descriptor, a pidfile; and everybody else who tries to.

import os
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from harness import (alive, cpu_ns, environ_of, fds_of, kill, kill_and_wait,
                     monotonic_ns, quote, service, wait_for)

# A service that does what it is told through a FIFO, a line of Python each.
PUPPET = r"""
import array, os, signal, socket, subprocess, sys, time
path = os.environ.get("NOTIFY_SOCKET")
def say(text, fds=(), sock=path):
    if isinstance(text, str):
        text = text.encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.connect("\0" + sock[1:] if sock[0] == "@" else sock)
        s.sendmsg([text], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                            array.array("i", fds))] if fds else [])
def barrier():
    r, w = os.pipe()
    say("BARRIER=1", [w])
    os.close(w)
    os.read(r, 1)
    os.close(r)
def child(f, wait=True):
    pid = os.fork()
    if pid == 0:
        f()
        os._exit(0)
    return os.waitpid(pid, 0)[1] if wait else pid
me, orders = os.getpid(), sys.argv[1]
with open(orders + ".new", "w") as f:
    f.write(str(me))
os.rename(orders + ".new", orders + ".pid")
while True:
    with open(orders) as f:
        for line in f:
            try:
                exec(line)
            except Exception as e:
                print(line, e, file=sys.stderr)
"""


class Puppet:
    def __init__(self, lab, name="puppet"):
        self.lab = lab
        self.orders = lab.path(name + ".orders")
        self.script = lab.write(name + ".py", PUPPET)
        os.mkfifo(self.orders)
        os.chmod(self.orders, 0o666)
        self.argv = [sys.executable, "-S", self.script, self.orders]
        self.last = 0

    def wait(self, timeout=10.0):
        """Until it runs, anew; its pid."""
        def look():
            try:
                with open(self.orders + ".pid", encoding="ascii") as f:
                    pid = int(f.read())
            except FileNotFoundError:
                return None
            return pid if pid != self.last and alive(pid) else None
        self.last = wait_for(look, "a new puppet", timeout)
        return self.last

    def do(self, *lines):
        """These lines, and wait until they have been done."""
        done = self.orders + ".done"
        with open(self.orders, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + f"\nopen({done!r}, 'w').close()\n")
        wait_for(lambda: os.path.exists(done), "orders done")
        os.unlink(done)


@pytest.fixture
def puppet(lab):
    return Puppet(lab)


def watch(lab, *config, **kw):
    return lab.daemonwatch(*config).start_foreground("-v", **kw)


def notify_path(dw, name="web"):
    return os.path.join(dw.rundir, "notify", name)


# ------------------------------------------------------------------ sd_notify

def test_notify_is_up_when_it_says_so(lab, puppet):
    dw = watch(lab, service("web", start=puppet.argv, ready="notify"))
    pid = puppet.wait()
    assert f"NOTIFY_SOCKET={notify_path(dw)}".encode() in environ_of(pid)
    puppet.do("say('STATUS=loading')")
    wait_for(lambda: dw.service("web").get("status") == "loading", "status")
    assert dw.state("web") == "starting"
    puppet.do(r"say('READY=1\nSTATUS=serving 7 clients')")
    dw.wait_up("web")
    assert dw.service("web")["status"] == "serving 7 clients"
    assert '"serving 7 clients"' in dw.cli("status").out
    # The next run begins with nothing said.
    kill_and_wait(pid)
    puppet.wait()
    dw.wait_state("web", "starting")
    assert "status" not in dw.service("web")
    puppet.do("say('READY=1')")
    dw.wait_up("web")
    assert dw.terminate() == 0
    assert not os.path.exists(notify_path(dw))


def test_notify_that_never_comes_is_a_failed_start(lab, puppet):
    dw = watch(lab, service("web", start=puppet.argv, ready="notify",
                            start_timeout="300ms", stop_timeout="300ms"))
    puppet.wait()
    e = dw.wait_event("web", "stopping", "starting")
    assert "not ready within 300ms: it has not said so" in e.cause
    puppet.wait()


def test_notify_socket_is_for_the_service_alone(lab, puppet):
    out = lab.path("hook")
    dw = watch(lab, service("web", start=puppet.argv, ready="notify",
                            before_start=quote(f"env > {out}")),
               service("other", start=["sleep", "1000"]))
    puppet.wait()
    puppet.do("say('READY=1')")
    dw.wait_up("web", "other")
    with open(out, encoding="utf-8") as f:
        assert "NOTIFY_SOCKET" not in f.read()
    for pid in dw.service("other")["pids"]:
        with open(f"/proc/{pid}/environ", "rb") as f:
            assert b"NOTIFY_SOCKET" not in f.read()
    assert os.listdir(os.path.join(dw.rundir, "notify")) == ["web"]


def send(path, data, fds=()):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.connect(path)
        socket.send_fds(s, [data], list(fds)) if fds else s.send(data)


def test_ready_from_a_stranger_does_not_count(lab, puppet):
    dw = watch(lab, service("web", start=puppet.argv, ready="notify"))
    puppet.wait()
    send(notify_path(dw), b"READY=1\nSTATUS=owned\nMAINPID=%d" % os.getpid())
    dw.wait_said("no process of the service: ignored")
    s = dw.service("web")
    assert s["state"] == "starting" and "status" not in s
    assert s["pids"] == [puppet.last]
    # Nor from another service, nor of one that has gone already.
    puppet.do("say('STATUS=mine')")
    wait_for(lambda: dw.service("web").get("status") == "mine", "status")
    assert dw.state("web") == "starting"


def test_ready_from_another_service_does_not_count(lab, puppet):
    other = Puppet(lab, "other")
    dw = watch(lab, service("web", start=puppet.argv, ready="notify"),
               service("other", start=other.argv))
    puppet.wait()
    other.wait()
    other.do(f"say('READY=1', sock={notify_path(dw)!r})")
    dw.wait_said("no process of the service: ignored")
    assert dw.state("web") == "starting"


@pytest.mark.root
def test_pid_in_credentials_is_the_kernels(lab, puppet):
    """Who is not root cannot lend itself the service's pid."""
    dw = watch(lab, service("web", start=puppet.argv, ready="notify"))
    pid = puppet.wait()
    code = ("import os, socket, struct, sys\n"
            "os.setgid(65534); os.setuid(65534)\n"
            "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
            f"s.connect({notify_path(dw)!r})\n"
            "try:\n"
            "    s.sendmsg([b'READY=1'], [(socket.SOL_SOCKET, 2, struct.pack("
            f"'iII', {pid}, 65534, 65534))])\n"
            "except PermissionError:\n    pass\n"
            "s.send(b'READY=1')\n")
    os.chmod(lab.dir, 0o755)
    subprocess.run([sys.executable, "-c", code], check=True)
    dw.wait_said("ignored")
    assert dw.state("web") == "starting"


def test_ready_from_a_child_of_the_service(lab, puppet):
    dw = watch(lab, service("web", start=puppet.argv, ready="notify"))
    puppet.wait()
    # In a session of its own; its parent is still the service.
    puppet.do("child(lambda: (os.setsid(), say('READY=1'), barrier()))")
    dw.wait_up("web")


def test_ready_from_an_orphan_of_the_services_session(lab, puppet):
    dw = watch(lab, service("web", start=puppet.argv, ready="notify"))
    puppet.wait()
    puppet.do("child(lambda: child(lambda: (time.sleep(0.05), "
              "[None for _ in iter(lambda: os.getppid() == me, False)], "
              "say('READY=1'), barrier()), False))")
    dw.wait_up("web")


def test_systemd_notify(lab):
    """The real program: a child of the service that is gone at once."""
    if shutil.which("systemd-notify") is None:
        pytest.skip("no systemd-notify")
    script = lab.script("service", "systemd-notify --ready "
                        "--status='from a shell' || exit 1\nexec sleep 1000")
    dw = watch(lab, service("web", start=[script], ready="notify",
                            backoff="0s"))
    dw.wait_up("web")
    assert dw.service("web")["status"] == "from a shell"
    for n in range(1, 21):
        kill_and_wait(dw.service("web")["pids"][0])
        wait_for(lambda: dw.service("web")["restarts"] == n, "restart")
        dw.wait_up("web")
    assert not dw.said("ignored")


def test_a_real_daemon_that_notifies(lab):
    """haproxy -Ws, if it is there: master and worker, READY by the master."""
    haproxy = shutil.which("haproxy") or "/usr/sbin/haproxy"
    if not os.access(haproxy, os.X_OK):
        pytest.skip("no haproxy")
    port = lab.port()
    conf = lab.write("haproxy.cfg", f"""
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend f
    bind 127.0.0.1:{port}
    http-request return status 200
""")
    dw = watch(lab, service("web", start=[haproxy, "-Ws", "-f", conf],
                            ready="notify", stop_timeout="3s"))
    dw.wait_up("web")
    kill_and_wait(dw.service("web")["pids"][0])
    wait_for(lambda: dw.service("web")["restarts"] == 1, "restart")
    dw.wait_up("web")


def test_barrier_is_lifted_when_all_has_been_heard(lab, puppet):
    dw = watch(lab, service("web", start=puppet.argv, ready="notify"))
    puppet.wait()
    puppet.do("say('STATUS=before')", "barrier()")
    assert dw.service("web")["status"] == "before"


def test_descriptors_that_are_sent_are_closed(lab, puppet):
    dw = watch(lab, service("web", start=puppet.argv, ready="notify"))
    puppet.wait()
    before = len(fds_of(dw.pid))
    puppet.do("r, w = os.pipe()",
              "[say('STATUS=%d' % i, [w] * 250) for i in range(200)]",
              "say('FDSTORE=1', [w] * 4)", "os.close(w)", "barrier()",
              "os.read(r, 1)", "say('READY=1')")
    dw.wait_up("web")
    # (The last question on the control socket may be open still.)
    wait_for(lambda: len(fds_of(dw.pid)) == before, "descriptors closed")
    # The same from a stranger.
    path = notify_path(dw)
    r, w = os.pipe()
    for _ in range(50):
        send(path, b"FDSTORE=1", [w] * 100)
    os.close(w)
    assert os.read(r, 1) == b""
    os.close(r)
    wait_for(lambda: len(fds_of(dw.pid)) == before, "descriptors closed")


def test_garbage_is_harmless(lab, puppet):
    dw = watch(lab, service("web", start=puppet.argv, ready="notify"))
    puppet.wait()
    puppet.do("say(b'READY=1\\0X=1')",
              "say(b'\\0')", "say(b'')", "say(b'x' * 4096)",
              "say(b'READY=1\\n' + b'x' * 5000)", "say(os.urandom(1000))",
              "say(b'STATUS=\\xff\\x1b[2J\\x07 evil')", "barrier()")
    s = dw.service("web")
    assert s["state"] == "starting"
    assert "\x1b" not in dw.cli("status").out
    puppet.do("say('READY=1')")
    dw.wait_up("web")


def test_flood_costs_little_and_delays_nobody(lab, puppet):
    other = lab.server()
    dw = watch(lab, service("web", start=puppet.argv, ready="notify"),
               service("other", start=other.argv, backoff="0s"))
    puppet.wait()
    other.wait_serving()
    flood = lab.popen([sys.executable, "-c",
                       "import socket\n"
                       "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
                       f"s.connect({notify_path(dw)!r})\n"
                       "while True: s.send(b'READY=1')\n"])
    dw.wait_said("ignored")
    cpu, began = cpu_ns(dw.pid), monotonic_ns()
    for n in range(2, 12):
        kill_and_wait(other.alive_pids()[0])
        other.wait_serving(n)
    puppet.do("say('READY=1')")
    dw.wait_up("web")
    cpu, wall = cpu_ns(dw.pid) - cpu, monotonic_ns() - began
    assert cpu < wall * 0.4
    assert len(dw.said("ignored")) == 1
    flood.kill()
    flood.wait()


def test_mainpid_moves_the_service(lab, puppet):
    dw = watch(lab, service("web", start=puppet.argv, ready="notify",
                            backoff="0s"))
    first = puppet.wait()
    puppet.do("new = child(lambda: time.sleep(1000), False)",
              "say('READY=1\\nMAINPID=%d' % new)", "barrier()")
    dw.wait_up("web")
    (main,) = dw.service("web")["pids"]
    assert main != first and alive(main)
    # The first ends: nothing happens to the service.
    kill_and_wait(first)
    dw.wait_said("its first process killed by signal 9")
    assert dw.service("web")["pids"] == [main] and alive(main)
    assert dw.state("web") == "up"
    # The main one ends: that is the end of it, and its status is known.
    kill(main, signal.SIGTERM)
    gone = dw.wait_event("web", frm="up")
    assert f"pid {main} killed by signal 15" in gone.cause
    assert puppet.wait() not in (first, main)


def test_mainpid_that_ends_gives_it_back(lab, puppet):
    dw = watch(lab, service("web", start=puppet.argv, ready="notify"))
    first = puppet.wait()
    puppet.do("new = child(lambda: time.sleep(1000), False)",
              "say('READY=1\\nMAINPID=%d' % new)", "barrier()")
    dw.wait_up("web")
    puppet.do("os.kill(new, 9)", "os.waitpid(new, 0)")
    dw.wait_said(f"pid {first} is it again")
    assert dw.service("web")["pids"] == [first]
    kill_and_wait(first)
    assert "pid" not in dw.wait_event("web", frm="up").cause
    puppet.wait()


def test_mainpid_outside_of_the_service_is_refused(lab, puppet):
    stranger = lab.popen(["sleep", "1000"])
    dw = watch(lab, service("web", start=puppet.argv, ready="notify"))
    first = puppet.wait()
    puppet.do(f"say('READY=1\\nMAINPID={stranger.pid}')",
              "say('MAINPID=4194304')", f"say('MAINPID={dw.pid}')",
              "say('MAINPID=1')", "barrier()")
    dw.wait_up("web")
    dw.wait_said(f"MAINPID={stranger.pid} is no process of the service")
    assert dw.service("web")["pids"] == [first]
    assert dw.cli("stop", "web").rc == 0
    dw.wait_state("web", "stopped")
    assert stranger.poll() is None


def test_stop_reaches_main_and_first_process(lab, puppet):
    dw = watch(lab, service("web", start=puppet.argv, ready="notify"))
    first = puppet.wait()
    puppet.do("new = child(lambda: (os.setsid(), time.sleep(1000)), False)",
              "say('READY=1\\nMAINPID=%d' % new)", "barrier()")
    dw.wait_up("web")
    (main,) = dw.service("web")["pids"]
    assert dw.cli("stop", "web").rc == 0
    dw.wait_state("web", "stopped")
    assert not alive(first) and not alive(main)


def test_errno_is_told_with_the_end(lab, puppet):
    dw = watch(lab, service("web", start=puppet.argv, ready="notify"))
    puppet.wait()
    puppet.do("say('ERRNO=13')", "barrier()")
    with open(puppet.orders, "w", encoding="ascii") as f:
        f.write("os._exit(4)\n")
    e = dw.wait_event("web", frm="starting")
    assert "exited with status 4, having said: Permission denied" in e.cause


def test_heard_again_by_the_next_daemonwatch(lab, puppet):
    dw = watch(lab, service("web", start=puppet.argv, ready="notify"))
    pid = puppet.wait()
    puppet.do("say('READY=1')")
    dw.wait_up("web")
    dw.kill9()
    dw.start_foreground("-v")
    dw.wait_up("web")
    assert dw.service("web")["pids"] == [pid]
    puppet.do("say('STATUS=still here')", "barrier()")
    assert dw.service("web")["status"] == "still here"


def test_a_path_too_long_for_a_socket(lab, puppet):
    name = "n" * 64
    dw = lab.daemonwatch(
        service(name, start=puppet.argv, ready="notify"),
        rundir="r" * (80 - len(lab.dir)))
    dw.start_foreground()
    puppet.wait()
    puppet.do("say('READY=1')")
    dw.wait_up(name)


# ------------------------------------------------------------------ heartbeat

BEAT = "heartbeat beat { timeout = 300ms }"


def with_beat(name, extra=BEAT, **keys):
    return service(name, **keys).rstrip().removesuffix("}") + extra + "\n}\n"


def test_heartbeat_that_stops_is_found_in_time(lab, puppet):
    dw = watch(lab, with_beat("web", start=puppet.argv, backoff="0s",
                              stop_signal="KILL"))
    pid = puppet.wait()
    assert b"WATCHDOG_USEC=300000\0" in environ_of(pid)
    assert b"NOTIFY_SOCKET=" in environ_of(pid)
    puppet.do("import threading", "stop = threading.Event()")
    puppet.do("t = threading.Thread(target=lambda: [say('WATCHDOG=1') for _ "
              "in iter(lambda: stop.wait(0.05), True)], daemon=True)",
              "t.start()")
    wait_for(lambda: dw.check("web", "beat")["state"] == "ok", "a beat")
    began = monotonic_ns()
    wait_for(lambda: monotonic_ns() - began > 1e9, "some beats")
    assert dw.service("web")["restarts"] == 0 and dw.state("web") == "up"
    # Silent, as SIGSTOP makes it.
    kill(pid, signal.SIGSTOP)
    stopped = monotonic_ns()
    assert puppet.wait() != pid
    gone = dw.wait_event("web", frm="up")
    assert "beat: no heartbeat for 300ms" in gone.cause
    assert monotonic_ns() - stopped < 1.5e9


def test_watchdog_trigger_is_a_failure_at_once(lab, puppet):
    dw = watch(lab, with_beat(
        "web", "heartbeat beat { timeout = 1h }", start=puppet.argv,
        backoff="0s", ready="notify"))
    pid = puppet.wait()
    puppet.do("say('READY=1')", "say('WATCHDOG=1')", "barrier()")
    wait_for(lambda: dw.check("web", "beat")["state"] == "ok", "a beat")
    # (It may be dead before it can tell that it has done so.)
    with open(puppet.orders, "w", encoding="ascii") as f:
        f.write("say('WATCHDOG=trigger')\n")
    gone = dw.wait_event("web", frm="up")
    assert "it says itself that it is ill" in gone.cause
    assert puppet.wait() != pid


def test_heartbeat_of_a_stranger_does_not_count(lab, puppet):
    dw = watch(lab, with_beat("web", start=puppet.argv))
    puppet.wait()
    send(notify_path(dw), b"WATCHDOG=1")
    dw.wait_said("no process of the service: ignored")
    assert dw.check("web", "beat")["state"] != "ok"


def test_heartbeat_that_never_begins(lab, puppet):
    dw = watch(lab, with_beat("web", start=puppet.argv,
                              start_timeout="500ms"))
    pid = puppet.wait()
    gone = dw.wait_event("web", frm="up")
    assert "no heartbeat for 300ms" in gone.cause
    assert puppet.wait() != pid


def test_heartbeat_is_ready(lab, puppet):
    dw = watch(lab, with_beat("web", start=puppet.argv, ready="beat"))
    puppet.wait()
    puppet.do("say('READY=1')", "barrier()")
    assert dw.state("web") == "starting"
    puppet.do("say('WATCHDOG=1')")
    dw.wait_up("web")


def test_silence_of_the_last_run_counted_for_the_next(lab):
    path = lab.path("open/starts")
    script = lab.script("noting", f"""date +%s%N >>{path}
trap '' TERM
while :; do sleep 0.1; done""")
    watch(lab, with_beat("web", "heartbeat beat { timeout = 1s }",
                         start=[script], backoff="0s", stop_timeout="1200ms",
                         start_timeout="300ms"))

    def starts():
        try:
            with open(path, encoding="ascii") as f:
                return [int(t) / 1e9 for t in f.read().split()]
        except FileNotFoundError:
            return []
    wait_for(lambda: len(starts()) >= 3, "three runs")
    # A second until it is found silent, and as long to be stopped.
    assert starts()[2] - starts()[1] > 2


# ------------------------------------------------------- descriptor, pidfile

@pytest.mark.parametrize("fd", [3, 9, 1023])
def test_ready_by_descriptor(lab, fd):
    go = lab.path("go")
    os.mkfifo(go)
    script = lab.write("s.py", f"""
import os, stat, sys, time
assert stat.S_ISFIFO(os.fstat({fd}).st_mode)
for n in range(3, 1024):
    if n != {fd}:
        try:
            os.fstat(n)
        except OSError:
            continue
        sys.exit(9)
os.write({fd}, b"not yet")
open({go!r}).read()
os.write({fd}, b"\\n")
time.sleep(1000)
""")
    dw = watch(lab, service("web", start=[sys.executable, "-S", script],
                            ready=f"fd {fd}"))
    with open(go, "w", encoding="ascii"):
        assert dw.state("web") == "starting"
    dw.wait_up("web")


def test_descriptor_closed_without_a_word(lab):
    script = lab.script("s", "exec 3>&-\nexec sleep 1000")
    dw = watch(lab, service("web", start=[script], ready="fd 3",
                            start_timeout="300ms"))
    cpu = cpu_ns(dw.pid)
    e = dw.wait_event("web", "stopping", "starting")
    assert "it has not said so" in e.cause
    assert cpu_ns(dw.pid) - cpu < 100e6    # the end of file does not spin


def test_a_detached_service_hands_its_descriptor_down(lab):
    script = lab.script(
        "daemon", f"(exec -a ignored true) 2>/dev/null\n"
        f"setsid sh -c ': {lab.mark} detached; echo >&3; exec 3>&-; "
        f"while :; do sleep 1; done' >/dev/null 2>&1 </dev/null &")
    dw = watch(lab, service(
        "web", type="detached", start=[script], ready="fd 3", on_exit="stop",
        match=quote(f"sh -c : {lab.mark} detached")))
    dw.wait_up("web")


def test_ready_by_pidfile(lab, puppet):
    pidfile = lab.path("web.pid")
    with open(pidfile, "w", encoding="ascii") as f:
        f.write(f"{os.getpid()}\n")     # an old one, of a living stranger
    dw = watch(lab, service("web", start=puppet.argv, ready="pidfile",
                            pidfile=pidfile))
    pid = puppet.wait()
    puppet.do(f"open({pidfile!r}, 'w').write('1')")
    assert dw.state("web") == "starting"
    puppet.do(f"open({pidfile!r}, 'w').write(str(os.getpid()))")
    dw.wait_up("web")
    assert dw.service("web")["pids"] == [pid]
    # The next run needs a new one.
    kill_and_wait(pid)
    puppet.wait()
    assert dw.wait_state("web", "starting")
    puppet.do("new = child(lambda: time.sleep(1000), False)",
              f"open({pidfile!r}, 'w').write('%d\\n' % new)")
    dw.wait_up("web")
