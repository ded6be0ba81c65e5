# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Pidfiles that lie: those of the services, and daemonwatch's own.

import fcntl
import os
import socket
import subprocess
import time

import pytest

from harness import alive, kill_and_wait, service, stat_of, wait_for


@pytest.fixture
def bystander(lab):
    """A live process that nobody may signal."""
    p = lab.popen(["/bin/sleep", "1000"])
    yield p
    assert p.poll() is None, "the bystander was hit"
    assert stat_of(p.pid)["state"] in "SR", "the bystander was stopped"


def long_ago(path):
    os.utime(path, (0, 0))


def dead_pid():
    p = subprocess.Popen(["true"])
    p.wait()
    return p.pid


def web(server, **keys):
    return service("web", type="detached", start=server.start,
                   pidfile=f'"{server.pidfile}"', on_exit="stop",
                   backoff="50ms..100ms", **keys)


@pytest.mark.parametrize("content", [
    "", "\n", "junk\n", "-1\n", "0\n", "1 2 3\n", "99999999999999999999\n",
    "12x\n", "\0\0\0\0", "9" * 100000, "{dead}\n", "{other}\n", " \n\n"])
def test_service_pidfile_with_junk(lab, bystander, content):
    server = lab.server(style="daemon")
    content = content.replace("{dead}", str(dead_pid())).replace(
        "{other}", str(bystander.pid))
    with open(server.pidfile, "w", encoding="ascii") as f:
        f.write(content)
    # Written before the bystander began: a pid that came to be used again.
    long_ago(server.pidfile)
    dw = lab.daemonwatch(web(server)).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    assert dw.service("web")["pids"] == [pid] and server.count() == 1
    kill_and_wait(pid)
    server.wait_serving(2)
    dw.wait_up("web")
    assert dw.terminate() == 0
    assert server.alive_pids() == []


@pytest.mark.parametrize("kind", ["directory", "fifo", "socket", "device",
                                  "dangling"])
def test_service_pidfile_is_no_file(lab, kind):
    server = lab.server(style="daemon")
    other = lab.server("other")
    real, server.argv[server.argv.index("-P") + 1] = (
        server.pidfile, lab.path("open", "elsewhere.pid"))
    if kind == "directory":
        os.mkdir(real)
    elif kind == "fifo":
        os.mkfifo(real)
    elif kind == "socket":
        socket.socket(socket.AF_UNIX).bind(real)
    elif kind == "device":
        os.symlink("/dev/zero", real)
    else:
        os.symlink(lab.path("nowhere"), real)
    lab.may_leave = True
    dw = lab.daemonwatch(
        web(server, start_timeout="500ms"),
        service("other", start=other.argv)).start_foreground()
    # Nothing hangs on it, and it is not taken for a pid.
    kill_and_wait(other.wait_serving())
    other.wait_serving(2)
    dw.wait_up("other")
    server.wait_starts(1)
    assert not dw.events("web", to="up")
    assert dw.status_result().rc == 0


@pytest.mark.root
def test_service_pidfile_of_a_stranger(lab, bystander):
    # A local user may write the file: it must not make us end root's process.
    server = lab.server(style="daemon")
    server.argv[server.argv.index("-P") + 1] = lab.path("open", "other.pid")
    with open(server.pidfile, "w", encoding="ascii") as f:
        f.write(f"{bystander.pid}\n")
    os.chown(server.pidfile, 65534, 65534)
    lab.may_leave = True
    dw = lab.daemonwatch(
        web(server, start_timeout="500ms")).start_foreground()
    server.wait_starts(2)
    assert bystander.pid not in dw.service("web")["pids"]
    assert dw.cli("stop", "web").rc == 0
    dw.wait_state("web", "stopped", "failed")


@pytest.mark.root
def test_service_pidfile_behind_a_strangers_symlink(lab, bystander):
    server = lab.server(style="daemon")
    server.argv[server.argv.index("-P") + 1] = lab.path("open", "other.pid")
    real = lab.write("bystander.pid", f"{bystander.pid}\n")
    os.symlink(real, server.pidfile)
    os.lchown(server.pidfile, 65534, 65534)
    lab.may_leave = True
    dw = lab.daemonwatch(
        web(server, start_timeout="500ms")).start_foreground()
    server.wait_starts(2)
    assert bystander.pid not in dw.service("web")["pids"]
    assert dw.cli("stop", "web").rc == 0
    dw.wait_state("web", "stopped", "failed")


def test_service_pidfile_of_a_server_run_as_another_user(lab):
    # root's file naming a process that gave up its privileges: the usual way.
    server = lab.server(style="daemon")
    dw = lab.daemonwatch(web(server)).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    assert dw.service("web")["pids"] == [pid]


# -- daemonwatch's own

@pytest.fixture
def plain(lab):
    server = lab.server("plain")
    return lab.daemonwatch(service("web", start=server.argv))


def own(dw):
    return os.path.join(dw.rundir, "pid")


@pytest.mark.parametrize("content", [
    "", "junk\n", "-1\n", "0\n", "99999999999999999999\n", "{dead}\n",
    "{other}\n"])
@pytest.mark.parametrize("verb", ["start", "stop", "status"])
def test_own_pidfile_with_junk(plain, bystander, content, verb):
    content = content.replace("{dead}", str(dead_pid())).replace(
        "{other}", str(bystander.pid))
    with open(own(plain), "w", encoding="ascii") as f:
        f.write(content)
    r = plain.cli(verb)
    if verb == "start":
        # Nobody holds the lock, so nobody runs.
        assert r.rc == 0, r
        assert plain.daemon_pid() == plain.status()["pid"]
    elif verb == "stop":
        assert r.rc == 0 and "not running" in r.err, r
    else:
        assert r.rc in (1, 3, 4), r


def test_own_pidfile_is_a_directory(plain):
    os.mkdir(own(plain))
    r = plain.cli("start")
    assert r.rc not in (0, 2) and own(plain) in r.err, r
    assert plain.cli("status").rc in (3, 4)
    assert plain.cli("stop").rc in (0, 1)


def test_own_pidfile_is_a_fifo(plain):
    os.mkfifo(own(plain))
    r = plain.cli("start")
    assert r.rc not in (0, 2) and own(plain) in r.err, r
    assert plain.cli("status").rc in (3, 4)


def test_own_pidfile_is_a_symlink(lab, plain):
    # What it points to is not ours to write.
    victim = lab.write("victim", "precious\n")
    os.symlink(victim, own(plain))
    r = plain.cli("start")
    with open(victim, encoding="ascii") as f:
        assert f.read() == "precious\n", r
    if r.rc == 0:
        assert not os.path.islink(own(plain))
    else:
        assert own(plain) in r.err


def test_own_pidfile_is_locked_while_it_runs(plain):
    assert plain.cli("start").rc == 0
    with open(own(plain), "r+", encoding="ascii") as f:
        with pytest.raises(BlockingIOError):
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_services_do_not_hold_the_lock(lab, plain):
    # After kill -9 the services run on, and the lock must be free.
    plain.start_foreground()
    plain.wait_up("web")
    plain.kill9()
    plain.start_foreground()
    plain.wait_up("web")


def test_own_pidfile_removed_under_it(plain):
    assert plain.cli("start").rc == 0
    pid = plain.daemon_pid()
    os.unlink(own(plain))
    # The control socket still answers; a second one must not get in its way.
    r = plain.cli("start")
    assert alive(pid)
    assert r.rc == 1, r
    assert plain.cli("stop").rc == 0
    wait_for(lambda: not alive(pid), "its end")


def test_status_is_quick(plain):
    began = time.monotonic()
    assert plain.cli("status").rc == 3
    assert time.monotonic() - began < 5
