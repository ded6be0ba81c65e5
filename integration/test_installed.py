# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# The library as its users have it: installed into an empty directory, found by
# pkg-config, and examples/echod.c built on it and ordered about.  make
# installcheck looks at what is installed; this is about what it does.

import glob
import os
import re
import shlex
import signal
import socket
import subprocess

import pytest

from harness import (BUILDDIR, SRCDIR, SLOW, alive, answers, fds_of, kill,
                     stat_of, wait_for)

pytestmark = pytest.mark.bound(180)


def make_variable(name):
    with open(os.path.join(BUILDDIR, "Makefile"), encoding="utf-8") as f:
        m = re.search(rf"^{name} *= *(.*)$", f.read(), re.M)
    return m.group(1) if m else ""


class Installed:
    def __init__(self, dest):
        self.dest = dest
        subprocess.run(
            ["make", "-s", "-C", BUILDDIR, "install", f"DESTDIR={dest}"],
            check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self.pc, = glob.glob(f"{dest}/**/libdaemonwatch.pc", recursive=True)
        # Also for --prefix=/usr, whose directories it would leave out.
        self.env = dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(self.pc),
                        PKG_CONFIG_SYSROOT_DIR=dest,
                        PKG_CONFIG_ALLOW_SYSTEM_CFLAGS="1",
                        PKG_CONFIG_ALLOW_SYSTEM_LIBS="1")
        self.libdir = os.path.dirname(
            glob.glob(f"{dest}/**/libdaemonwatch.so", recursive=True)[0])

    def pkg_config(self, *args):
        return shlex.split(subprocess.run(
            ["pkg-config", *args, "libdaemonwatch"], env=self.env, text=True,
            check=True, capture_output=True).stdout)

    def compile(self, source, output):
        cc = shlex.split(os.environ.get("CC") or make_variable("CC") or "cc")
        sanitizers = shlex.split(make_variable("SANITIZER_CFLAGS"))
        p = subprocess.run(
            [*cc, "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
             "-o", output, source, *sanitizers,
             *self.pkg_config("--cflags", "--libs")],
            text=True, capture_output=True)
        assert p.returncode == 0, p.stderr
        return output


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return Installed(str(tmp_path_factory.mktemp("dest")))


@pytest.fixture(scope="module")
def program(installed, tmp_path_factory):
    return installed.compile(
        os.path.join(SRCDIR, "examples", "echod.c"),
        str(tmp_path_factory.mktemp("bin") / "echod"))


class Echod:
    def __init__(self, lab, installed, program):
        self.lab = lab
        self.port = lab.port()
        self.pidfile = lab.path("echod.pid")
        self.argv = [program, "-f", self.pidfile, "-p", str(self.port)]
        self.env = dict(lab.env, LD_LIBRARY_PATH=installed.libdir)

    def __call__(self, *verb):
        p = subprocess.run([*self.argv, *verb], env=self.env, text=True,
                           stdin=subprocess.DEVNULL, capture_output=True,
                           timeout=30 * SLOW)
        return p.returncode, p.stdout, p.stderr

    def pid(self):
        code, out, err = self("status")
        m = re.fullmatch(r"echod: running, pid (\d+)\n", out)
        assert m and code == 0 and err == "", (code, out, err)
        return int(m.group(1))

    def echo(self, data):
        with socket.create_connection(("127.0.0.1", self.port), 10) as s:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            got = b""
            while chunk := s.recv(65536):
                got += chunk
            return got


@pytest.fixture
def echod(bare_lab, installed, program):
    return Echod(bare_lab, installed, program)


def test_pkg_config(installed):
    assert installed.pkg_config("--modversion")
    flags = installed.pkg_config("--cflags", "--libs")
    assert "-ldaemonwatch" in flags
    # What we need ourselves is not our users' business.
    assert "-lbsd" not in flags
    headers = glob.glob(f"{installed.dest}/**/*.h", recursive=True)
    assert [os.path.basename(h) for h in headers] == ["daemonwatch.h"]


def test_start_status_restart_stop(echod):
    assert echod("status") == (3, "echod: not running\n", "")
    assert echod("start") == (0, "", "")
    # It returned when it served: no waiting here.
    assert echod.echo(b"hello") == b"hello"
    first = echod.pid()
    assert echod("restart") == (0, "", "")
    second = echod.pid()
    assert first != second and not alive(first)
    assert echod.echo(b"again") == b"again"
    assert echod("stop") == (0, "", "")
    assert not alive(second) and not answers(echod.port)
    assert not os.path.exists(echod.pidfile)
    assert echod("status") == (3, "echod: not running\n", "")


def test_it_is_a_good_daemon(echod):
    assert echod("start") == (0, "", "")
    pid = echod.pid()
    me, it = stat_of(os.getpid()), stat_of(pid)
    assert it["sid"] not in (me["sid"], pid) and it["tty"] == 0
    assert it["pgid"] == it["sid"] and stat_of(it["sid"]) is None
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    fds = fds_of(pid)
    assert fds[0] == fds[1] == fds[2] == "/dev/null"
    # Its pidfile, its listener, its loop; nothing of ours.
    for what in fds.values():
        assert what in ("/dev/null", echod.pidfile) or what.startswith(
            ("socket:", "pipe:", "anon_inode:")), what
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        assert re.search(r"^Umask:\s+0000$", f.read(), re.M)
    assert echod("stop") == (0, "", "")


def test_echo_of_much(echod):
    data = os.urandom(300_000)
    assert echod("start") == (0, "", "")
    with socket.create_connection(("127.0.0.1", echod.port), 10) as s:
        s.settimeout(30)
        sent, got = 0, b""
        while len(got) < len(data):
            if sent < len(data):
                sent += s.send(data[sent:sent + 10_000])
            got += s.recv(65536)
        assert got == data
    assert echod("stop") == (0, "", "")


def test_second_start_is_refused(echod):
    assert echod("start") == (0, "", "")
    pid = echod.pid()
    said = f"echod: already running, pid {pid}\n"
    assert echod("start") == (1, "", said)
    assert echod("run") == (1, "", said)
    assert echod.pid() == pid
    assert echod("stop") == (0, "", "")


def test_stop_of_nothing(echod):
    assert echod("stop") == (0, "", "echod: not running\n")
    # And restart starts it.
    assert echod("restart") == (0, "", "echod: not running\n")
    echod.pid()
    assert echod("stop") == (0, "", "")


def test_killed(echod):
    assert echod("start") == (0, "", "")
    pid = echod.pid()
    kill(pid)
    wait_for(lambda: not alive(pid), "it is dead")
    assert echod("status") == (
        1, f"echod: dead, but {echod.pidfile} exists\n", "")
    assert echod("start") == (0, "", "")
    assert echod.pid() != pid
    assert echod("stop") == (0, "", "")


def test_pidfile_of_a_live_stranger(echod):
    with subprocess.Popen(["sleep", "60"], env=echod.env) as stranger:
        echod.lab.write("echod.pid", f"{stranger.pid}\n")
        assert echod("stop") == (0, "", "echod: not running\n")
        echod.lab.write("echod.pid", f"{stranger.pid}\n")
        assert echod("start") == (0, "", "")
        assert echod.pid() != stranger.pid
        assert echod("stop") == (0, "", "")
        assert stranger.poll() is None
        stranger.kill()


def test_port_in_use(echod):
    echod.lab.listener(port=echod.port)
    said = f"port {echod.port}: Address already in use\n"
    assert echod("start") == (1, "", "echod: " + said)
    assert not os.path.exists(echod.pidfile)
    assert echod("run") == (1, "", said)
    assert echod("status")[0] == 3


def test_usage(echod):
    usage = "usage: echod start|stop|restart|status|run\n"
    for args in ([], ["reload"], ["start", "now"], [""]):
        assert echod(*args) == (2, "", usage)
    code, out, err = echod("-x")
    assert code == 2 and out == "" and err.endswith(usage)


def test_run_in_the_foreground(echod):
    p = echod.lab.popen([*echod.argv, "run"], env=echod.env,
                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: answers(echod.port), "it serves")
    assert echod.pid() == p.pid
    p.send_signal(signal.SIGTERM)
    out, err = p.communicate(timeout=30 * SLOW)
    assert (p.returncode, out, err) == (0, b"", b"")
    assert not os.path.exists(echod.pidfile)


def test_racing_starts(echod):
    starts = [echod.lab.popen([*echod.argv, "start"], env=echod.env,
                              stderr=subprocess.PIPE, text=True)
              for _ in range(10)]
    ends = [(p.communicate(timeout=60 * SLOW)[1], p.returncode)
            for p in starts]
    assert sorted(code for _, code in ends) == [0] + 9 * [1]
    # The pid is left out if the winner is slow to write it.
    assert {text for text, code in ends if code == 1} <= {
        f"echod: already running, pid {echod.pid()}\n",
        "echod: already running\n"}
    assert echod("stop") == (0, "", "")


def whole_programs(page):
    """The examples in a page that have a main()."""
    with open(page, encoding="utf-8") as f:
        text = f.read()
    for m in re.finditer(r"^\.Bd -literal.*?\n(.*?)^\.Ed", text, re.M | re.S):
        code = m.group(1)
        if re.search(r"^main\(", code, re.M):
            yield (code.replace("\\&", "").replace("\\e", "\\")
                   .replace("\\-", "-"))


PAGES = [page for page in sorted(glob.glob(f"{SRCDIR}/man/*.3"))
         if list(whole_programs(page))]


def test_there_are_examples():
    assert {"dw_daemon.3", "dw_daemonize.3"} <= set(
        map(os.path.basename, PAGES))


@pytest.mark.parametrize("page", PAGES, ids=os.path.basename)
def test_examples_of_the_manual_compile(installed, tmp_path, page):
    for n, code in enumerate(whole_programs(page)):
        source = tmp_path / f"example{n}.c"
        source.write_text(code)
        installed.compile(str(source), str(tmp_path / f"example{n}"))
