# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# What the integration tests are made of: a lab (a directory, a mark, ports),
# fake servers, and daemonwatch itself, driven from outside as an
# administrator drives it.  It knows nothing of daemonwatch's inside.
#
# Two rules: a test waits for a state with a deadline, never for a time to
# pass; and it ends only processes that carry its own mark.

import contextlib
import fcntl
import json
import os
import random
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import uuid

import pytest

from procs import (alive, all_pids, children_of, cmdline_of, cpu_ns,
                   descendants_of, environ_of, fds_of, kill, kill_and_wait,
                   monotonic_ns, SLOW, stat_of, status_of, Unmet,
                   voluntary_switches, wait_for)  # noqa: F401

BUILDDIR = os.path.abspath(os.environ.get("BUILDDIR", "."))
SRCDIR = os.path.abspath(os.environ.get(
    "SRCDIR", os.path.join(os.path.dirname(__file__), "..")))

STATES = {"stopped", "waiting", "starting", "up", "failing", "stopping",
          "failed", "paused"}


# -------------------------------------------------------------------- ports

class Ports:
    """Ports below the ephemeral range, each ours alone while we run.

    Not port 0: between closing such a port and the server's bind anybody may
    get it, and a connect to a dead port *inside* the ephemeral range may
    connect to itself.  A locked file per port keeps two runs apart.
    """
    FIRST, LAST = 20000, 29999

    def __init__(self):
        self.dir = os.path.join(tempfile.gettempdir(),
                                f"daemonwatch-ports-{os.getuid()}")
        os.makedirs(self.dir, exist_ok=True)
        self.locks = {}

    def take(self):
        for _ in range(1000):
            port = random.randint(self.FIRST, self.LAST)
            if port in self.locks:
                continue
            f = open(os.path.join(self.dir, str(port)), "w")
            try:
                fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for family, address in ((socket.AF_INET, "127.0.0.1"),
                                        (socket.AF_INET6, "::1")):
                    if family == socket.AF_INET6 and not have_ipv6():
                        continue
                    with socket.socket(family) as s:
                        s.bind((address, port))
            except OSError:
                f.close()
                continue
            self.locks[port] = f
            return port
        raise RuntimeError("no free port")

    def close(self):
        for f in self.locks.values():
            with contextlib.suppress(OSError):
                os.unlink(f.name)
            f.close()


def have_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


def answers(port, host="127.0.0.1", timeout=1.0):
    try:
        with socket.create_connection((host, port), timeout * SLOW):
            return True
    except OSError:
        return False


class Listener:
    """A port held by the test itself; counts who comes, optionally replies."""

    def __init__(self, port, host="127.0.0.1", reply=None):
        self.count = 0
        self.port = port
        self.reply = reply
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((host, port))
        self.sock.listen(128)
        self.wake_r, self.wake_w = os.pipe()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        conns = []
        while True:
            ready, _, _ = select.select([self.sock, self.wake_r], [], [])
            if self.wake_r in ready:
                break
            conn, _ = self.sock.accept()
            self.count += 1
            if self.reply is not None:
                with contextlib.suppress(OSError):
                    conn.sendall(self.reply)
            conns.append(conn)
            if len(conns) > 64:
                conns.pop(0).close()
        for conn in conns:
            conn.close()

    def wait_more(self, n, timeout=10.0):
        """Until n more connections have come."""
        goal = self.count + n
        wait_for(lambda: self.count >= goal, f"{n} more connections", timeout)

    def close(self):
        if self.thread is None:
            return
        os.write(self.wake_w, b"x")
        self.thread.join()
        self.thread = None
        self.sock.close()
        os.close(self.wake_r)
        os.close(self.wake_w)


# ------------------------------------------------------------ configuration

def quote(text):
    """A string of the configuration language, with C escapes."""
    out = []
    for b in os.fsencode(str(text)):
        c = chr(b)
        if c in '"\\':
            out.append("\\" + c)
        elif c == "\n":
            out.append("\\n")
        elif 32 <= b < 127 or b >= 128:
            out.append(os.fsdecode(bytes([b])))
        else:
            out.append(f"\\x{b:02X}")
    return '"' + "".join(out) + '"'


def value(v):
    """list: a list of strings; str: as it stands; bool; number."""
    if isinstance(v, (list, tuple)):
        return "{" + ", ".join(quote(x) for x in v) + "}"
    if isinstance(v, bool):
        return "yes" if v else "no"
    return str(v)


def block(kind, name, keys):
    lines = [f"{kind} {name} {{" if name else f"{kind} {{"]
    for key, v in keys.items():
        key = key.replace("_", "-")
        if isinstance(v, dict):     # checks: kind = {name: {key: value}}
            for check, ckeys in v.items():
                text = block(key, check, ckeys)
                lines += ["    " + l for l in text.splitlines()]
        elif v is not None:
            lines.append(f"    {key} = {value(v)}")
    return "\n".join(lines + ["}", ""])


def service(name, **keys):
    return block("service", name, keys)


def defaults(**keys):
    return block("defaults", None, keys)


def program(name):
    """The path of a real server; the test is skipped where there is none."""
    path = shutil.which(name, path="/usr/bin:/usr/sbin:/usr/local/bin:"
                        "/usr/local/sbin")
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


# ------------------------------------------------------------- fake servers

class FakeServer:
    """How to start a fakeserver, and what became of its starts."""

    def __init__(self, lab, name, port=None, mode="answers", style="child",
                 program=None, args=()):
        self.lab = lab
        self.name = name
        self.port = lab.port() if port is None else port
        self.log = os.path.join(lab.open_dir, name + ".starts")
        self.modefile = os.path.join(lab.open_dir, name + ".mode")
        self.pidfile = os.path.join(lab.open_dir, name + ".pid")
        self.program = program or lab.fakeserver
        self.argv = [self.program, "-l", self.log, "-C", self.modefile,
                     "-m", mode, "-p", str(self.port)]
        if style == "daemon":
            self.argv += ["-d", "-P", self.pidfile]
        self.argv += [str(a) for a in args]
        self.script = None
        if style == "script":
            self.script = lab.script(
                name + ".sh", f"nohup {shlex.join(self.argv)} "
                ">/dev/null 2>&1 </dev/null &")

    @property
    def start(self):
        """The start command."""
        return [self.script] if self.script else self.argv

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def lines(self, what=None):
        try:
            with open(self.log, encoding="ascii") as f:
                text = f.read()
        except FileNotFoundError:
            return []
        out = []
        for line in text.splitlines(keepends=True):
            if not line.endswith("\n"):
                break
            word, pid, ns, *more = line.split()
            if what is None or word == what:
                out.append((word, int(pid), int(ns), *more))
        return out

    def starts(self):
        return self.lines("start")

    def count(self, what="start"):
        return len(self.lines(what))

    @property
    def pid(self):
        return self.starts()[-1][1]

    def alive_pids(self):
        return [l[1] for l in self.starts() if alive(l[1])]

    def wait_starts(self, n, timeout=10.0):
        """Until it was started n times in all; the last one's pid."""
        wait_for(lambda: self.count() >= n,
                 f"start {n} of {self.name}", timeout)
        return self.pid

    def wait_serving(self, n=1, timeout=10.0):
        """Until start n has opened its port, or whatever its mode does."""
        self.wait_starts(n, timeout)
        pid = self.starts()[n - 1][1]
        wait_for(lambda: any(l[1] == pid for l in self.lines("mode")),
                 f"start {n} of {self.name} serving", timeout)
        return pid

    def set_mode(self, mode, pid=None):
        """Change the mode of the running server, and wait for it."""
        pid = pid or self.pid
        with open(self.modefile, "w", encoding="ascii") as f:
            f.write(mode + "\n")
        seen = self.count("mode")
        kill(pid, signal.SIGUSR1)
        wait_for(lambda: self.count("mode") > seen, f"mode {mode}")
        # The next start takes its mode from its arguments again.
        os.unlink(self.modefile)

    def run(self):
        """Start it by hand, without daemonwatch."""
        n = self.count()
        if self.script or "-d" in self.argv:
            subprocess.run(self.start, env=self.lab.env, check=True,
                           timeout=10 * SLOW)
        else:
            self.lab.popen(self.start)
        return self.wait_serving(n + 1)


# ---------------------------------------------------------------- the lab

class Lab:
    """One test's place: a short directory, a mark, ports, and the clean-up.

    Everything started here has DWTEST=<mark> in its environment, or the lab's
    directory on its command line or among its open files; only such
    processes are ever ended.
    """

    def __init__(self, session, name):
        self.name = name
        self.mark = uuid.uuid4().hex
        self.dir = tempfile.mkdtemp(prefix="dw-")
        os.chmod(self.dir, 0o755)   # a service may run as nobody
        self.open_dir = os.path.join(self.dir, "open")
        os.mkdir(self.open_dir)
        os.chmod(self.open_dir, 0o777)
        self.session = session
        self.fakeserver = session.fakeserver
        self.env = dict(os.environ, DWTEST=self.mark, LC_ALL="C",
                        DAEMONWATCH_LIBEXECDIR=session.libexecdir)
        for key in ("PYTEST_CURRENT_TEST", "NOTIFY_SOCKET", "LISTEN_FDS", "XDG_RUNTIME_DIR"):
            self.env.pop(key, None)
        self.env.update(session.extra_env)
        if session.poller:
            self.env["DAEMONWATCH_POLLER"] = session.poller
        self.daemons = []
        self.listeners = []
        self.popens = []
        self.watched = set()    # pids to be gone at the end
        self.may_leave = False  # services may outlive daemonwatch here
        self.failed = False

    # -- making things

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def port(self):
        return self.session.ports.take()

    def write(self, name, text, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def script(self, name, text):
        return self.write(name, "#!/bin/sh\n" + text + "\n", 0o755)

    def server(self, name="server", **kw):
        return FakeServer(self, name, **kw)

    def listener(self, port=None, **kw):
        l = Listener(self.port() if port is None else port, **kw)
        self.listeners.append(l)
        return l

    def popen(self, argv, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        p = subprocess.Popen(argv, env=kw.pop("env", self.env), **kw)
        self.popens.append(p)
        return p

    def daemonwatch(self, *config, name="dw.conf", rundir="run", log=True):
        dw = Daemonwatch(self, "\n".join(config), name, rundir)
        self.daemons.append(dw)
        return dw

    # -- looking and cleaning

    def marked(self):
        """Living processes of this test."""
        mark = f"DWTEST={self.mark}".encode()
        place = os.fsencode(self.dir + "/")
        found = []
        for pid in all_pids():
            if pid == os.getpid() or not alive(pid):
                continue
            with contextlib.suppress(OSError):
                if mark in environ_of(pid):
                    found.append(pid)
                    continue
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    if place in f.read():
                        found.append(pid)
                        continue
                # Who writes a title over both still has our files open.
                if any(v.startswith(self.dir + "/")
                       for v in fds_of(pid).values()):
                    found.append(pid)
        return found

    def describe(self, pids):
        out = []
        for pid in pids:
            with contextlib.suppress(OSError):
                out.append(f"{pid} ({cmdline_of(pid)})")
        return ", ".join(out)

    def end_marked(self):
        """Kill what is left, and say what it was."""
        said = self.describe(self.marked())
        for _ in range(100):
            left = self.marked()
            if not left:
                break
            for pid in left:
                with contextlib.suppress(OSError):
                    fd = os.pidfd_open(pid)
                    try:
                        # Whoever the descriptor stands for now is asked
                        # again: the pid may have changed hands meanwhile.
                        if pid in self.marked():
                            signal.pidfd_send_signal(fd, signal.SIGKILL)
                    finally:
                        os.close(fd)
            for p in self.popens:
                p.poll()
        return said

    def close(self):
        trouble = []
        for dw in self.daemons:
            trouble += dw.close()
        for l in self.listeners:
            l.close()
        if not self.failed:
            with contextlib.suppress(Unmet):
                wait_for(lambda: not self.strays(), "nothing left", 3)
            if strays := self.strays():
                trouble.append("left over: " + self.describe(strays))
        for p in self.popens:
            if p.poll() is None:
                p.kill()
            p.wait()
        self.end_marked()
        for p in self.watched:
            if alive(p):
                trouble.append(f"process {p} is still there")
        if not os.environ.get("DWTEST_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)
        return trouble

    def strays(self):
        """What should not be there once daemonwatch is gone."""
        mine = {p.pid for p in self.popens}
        for p in self.popens:
            p.poll()
        if self.may_leave:
            return [p for p in self.marked() if p not in mine
                    and "daemonwatch" in os.path.basename(exe_of(p))]
        return [p for p in self.marked() if p not in mine]

    def logs(self):
        out = []
        for dw in self.daemons:
            out.append((f"{dw.conf}", dw.config))
            out.append((f"log of {dw.conf}", dw.log_text()))
        for name in sorted(os.listdir(self.open_dir)):
            if name.endswith(".starts"):
                path = os.path.join(self.open_dir, name)
                with open(path, encoding="ascii", errors="replace") as f:
                    out.append((name, f.read()[-4000:]))
        return out


def exe_of(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


EVENT = re.compile(
    r"^(?P<time>\S+) daemonwatch\[\d+\] (?P<level>\w+): "
    r"(?P<name>\S+): (?P<frm>\w+) -> (?P<to>\w+): (?P<cause>.+)$")


class Event:
    def __init__(self, m):
        self.time, self.level, self.name = m["time"], m["level"], m["name"]
        self.frm, self.to, self.cause = m["frm"], m["to"], m["cause"]

    def __repr__(self):
        return f"{self.name}: {self.frm} -> {self.to}: {self.cause}"


class Result:
    def __init__(self, p):
        self.rc, self.out, self.err = p.returncode, p.stdout, p.stderr
        self.both = self.out + self.err

    def __repr__(self):
        return f"<exit {self.rc}, out {self.out!r}, err {self.err!r}>"


class Daemonwatch:
    """A daemonwatch and its configuration."""

    def __init__(self, lab, config, name="dw.conf", rundir="run"):
        self.lab = lab
        self.rundir = lab.path(rundir)
        self.logfile = None
        self.proc = None
        self.lines = []
        self.thread = None
        self.conf = None
        self.name = name
        self.prefix = []    # a command in front of `daemonwatch run`
        self.configure(config)

    def configure(self, config):
        """Write the configuration (anew)."""
        self.config = f"runtime-dir = {quote(self.rundir)}\n" + config
        self.conf = self.lab.write(self.name, self.config)
        os.makedirs(self.rundir, exist_ok=True)

    @property
    def bin(self):
        return self.lab.session.daemonwatch

    # -- the command line

    def argv(self, verb, *args):
        return [*self.lab.session.wrapper, self.bin, verb, "-f", self.conf,
                *map(str, args)]

    def cli(self, verb, *args, timeout=20.0, **kw):
        """Run a verb on this configuration, and wait for its end."""
        return self.raw(*self.argv(verb, *args), timeout=timeout, **kw)

    def raw(self, *argv, timeout=20.0, text=True, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        env = kw.pop("env", self.lab.env)
        # Not pipes: a daemon that kept one would make us wait for its end.
        with tempfile.TemporaryFile() as out, \
                tempfile.TemporaryFile() as err:
            p = subprocess.Popen(argv, stdout=out, stderr=err, env=env, **kw)
            try:
                p.wait(timeout * SLOW)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
                raise Unmet(f"{' '.join(argv)}: still running after "
                            f"{timeout * SLOW:g} s") from None
            for f, key in ((out, "stdout"), (err, "stderr")):
                f.seek(0)
                data = f.read()
                setattr(p, key, data.decode("utf-8", "surrogateescape")
                        if text else data)
        return Result(p)

    def status_result(self):
        return self.cli("status", "-j")

    def status(self):
        r = self.status_result()
        assert r.out.strip(), f"status -j said nothing: {r}"
        answer = json.loads(r.out)
        assert answer["version"] == 1
        return answer

    def service(self, name):
        for s in self.status().get("services", []):
            if s["name"] == name:
                assert s["state"] in STATES, s
                return s
        raise LookupError(f"no service {name} in status")

    def state(self, name):
        return self.service(name)["state"]

    def check(self, name, check):
        for c in self.service(name)["checks"]:
            if c["name"] == check:
                return c
        raise LookupError(f"{name} has no check {check}")

    # -- in the foreground

    def start_foreground(self, *args, wait=True, **kw):
        """daemonwatch run, its standard error drained into a file."""
        assert self.proc is None or self.proc.poll() is not None
        self.proc = subprocess.Popen(
            self.prefix + self.argv("run", *args), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=kw.pop("env", self.lab.env), **kw)
        self.thread = threading.Thread(
            target=self._drain, args=(self.proc.stdout,), daemon=True)
        self.thread.start()
        if wait:
            self.wait_running()
        return self

    def _drain(self, pipe):
        with pipe, open(self.lab.path(self.name + ".log"), "ab") as f:
            for line in pipe:
                f.write(line)
                f.flush()
                self.lines.append(
                    line.rstrip(b"\n").decode("utf-8", "surrogateescape"))

    def wait_running(self, timeout=10.0):
        def look():
            if self.proc is not None and self.proc.poll() is not None:
                self.thread.join()
                raise RuntimeError(
                    f"daemonwatch ended, {self.proc.returncode}: "
                    + "\n".join(self.lines[-20:]))
            return self.status_result().rc == 0
        wait_for(look, "daemonwatch running", timeout)

    @property
    def pid(self):
        if self.proc is not None and self.proc.poll() is None:
            return self.proc.pid
        return self.daemon_pid()

    def daemon_pid(self):
        """As the pidfile has it."""
        fd = os.open(os.path.join(self.rundir, "pid"),
                     os.O_RDONLY | os.O_NONBLOCK)   # it may be a FIFO
        with open(fd, encoding="ascii") as f:
            return int(f.read())

    def prober_pids(self):
        return [p for p in children_of(self.pid)
                if "prober" in os.path.basename(exe_of(p)) and alive(p)]

    def log_text(self):
        texts = []
        for name in (self.name + ".log", "daemonwatch.log"):
            with contextlib.suppress(OSError):
                with open(self.lab.path(name), encoding="utf-8",
                          errors="replace") as f:
                    texts.append(f.read()[-20000:])
        return "".join(texts)

    def events(self, name=None, to=None, frm=None):
        found = []
        for line in list(self.lines):
            if (m := EVENT.match(line)) is not None:
                e = Event(m)
                if name in (None, e.name) and to in (None, e.to) and \
                        frm in (None, e.frm):
                    found.append(e)
        return found

    def said(self, pattern):
        """Log lines that match, whatever the case."""
        r = re.compile(pattern, re.I)
        return [l for l in list(self.lines) if r.search(l)]

    # -- waiting

    def wait_state(self, name, *states, timeout=10.0):
        return wait_for(
            lambda: (s := self.service(name))["state"] in states and s,
            f"{name} {' or '.join(states)}", timeout)

    def wait_up(self, *names, timeout=10.0):
        def look():
            left = set(names)
            for s in self.status()["services"]:
                if s["state"] == "up":
                    left.discard(s["name"])
            assert not left, f"not up: {left}"
            return True
        wait_for(look, f"{', '.join(names)} up", timeout)

    def wait_event(self, name=None, to=None, frm=None, n=1, timeout=10.0):
        wait_for(lambda: len(self.events(name, to, frm)) >= n,
                 f"event {n} of {name}: {frm} -> {to}", timeout)
        return self.events(name, to, frm)[n - 1]

    def wait_said(self, pattern, n=1, timeout=10.0):
        wait_for(lambda: len(self.said(pattern)) >= n,
                 f"/{pattern}/ said {n} times", timeout)
        return self.said(pattern)

    def wait_exit(self, timeout=10.0):
        """Until the foreground daemonwatch ends; its exit status."""
        try:
            rc = self.proc.wait(timeout * SLOW)
        except subprocess.TimeoutExpired:
            raise Unmet(f"daemonwatch still runs after {timeout} s") from None
        # What it left behind may hold the other end: then no end of file.
        self.thread.join(0 if self.lab.may_leave else 5)
        return rc

    # -- ending

    def terminate(self, signo=signal.SIGTERM, timeout=20.0):
        kill(self.proc.pid, signo)
        return self.wait_exit(timeout)

    def kill9(self):
        """kill -9 of daemonwatch itself, in the front or behind."""
        pid = self.pid
        kill_and_wait(pid)
        if self.proc is not None:
            # Its services hold the other end: no end of file to wait for.
            self.proc.wait(10 * SLOW)
        return pid

    def close(self):
        """Stop it if it runs.  What went wrong, as a list of texts."""
        trouble = []
        if self.proc is not None and self.proc.poll() is None:
            family = descendants_of(self.proc.pid)
            with contextlib.suppress(OSError):
                kill(self.proc.pid, signal.SIGCONT)
                kill(self.proc.pid, signal.SIGTERM)
            try:
                rc = self.proc.wait(20 * SLOW)
                if rc != 0:
                    trouble.append(f"daemonwatch ended with {rc}")
            except subprocess.TimeoutExpired:
                trouble.append("daemonwatch does not end on SIGTERM")
                self.proc.kill()
                self.proc.wait()
            # The prober may have hidden its environment.
            self.lab.watched |= {
                p for p in family if "prober" in exe_of(p)}
        with contextlib.suppress(OSError, ValueError):
            pid = self.daemon_pid()
            if alive(pid) and pid in self.lab.marked():
                kill(pid, signal.SIGTERM)
                try:
                    wait_for(lambda: not alive(pid), "end", 20)
                except Unmet:
                    trouble.append("daemonwatch does not end on SIGTERM")
        if self.thread is not None:
            self.thread.join(0 if self.lab.may_leave else 2)
        for line in self.lines:
            if "Sanitizer" in line or "runtime error:" in line:
                trouble.append(line)
        return trouble
