# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# daemonwatch as a daemon (J1): what `start` leaves behind, and what it makes
# of a poor inheritance.

import fcntl
import os
import pty
import resource
import signal
import subprocess
import sys

import pytest

from harness import (alive, fds_of, kill_and_wait, monotonic_ns, service,
                     stat_of, status_of, wait_for)


TIOCGPTN = 0x80045430


@pytest.fixture
def server(lab):
    return lab.server()


@pytest.fixture
def web(lab, server):
    return lab.daemonwatch(service("web", start=server.argv))


def test_start_daemonizes_by_the_book(lab, web, server):
    # From a terminal of its own, as a session leader would.
    pid, master = pty.fork()
    if pid == 0:
        os.umask(0o077)
        os.execve(web.bin, web.argv("start"), lab.env)
    try:
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        daemon = web.daemon_pid()
        number = bytearray(4)
        fcntl.ioctl(master, TIOCGPTN, number)
        terminal = f"/dev/pts/{int.from_bytes(number, sys.byteorder)}"
        s = stat_of(daemon)
        assert s["tty"] == 0
        assert s["sid"] != pid and s["sid"] != os.getsid(0)
        assert s["sid"] != daemon, "a session leader may get a terminal"
        assert s["ppid"] != pid
        assert os.readlink(f"/proc/{daemon}/cwd") == "/"
        fds = fds_of(daemon)
        assert {0, 1, 2} <= set(fds)
        assert fds[0] == "/dev/null"
        assert terminal not in fds.values()
    finally:
        os.close(master)
    # The terminal is gone, the daemon is not.
    kill_and_wait(server.wait_serving())
    server.wait_serving(2)
    web.wait_up("web")
    assert alive(daemon)


def test_start_returns_after_the_first_start(lab, server):
    hook = lab.script("hook.sh", "sleep 0.7")
    slow = lab.server("slow")
    dw = lab.daemonwatch(
        service("web", start=server.argv),
        service("slow", start=slow.argv, before_start=[hook]))
    assert dw.cli("start").rc == 0
    assert slow.count() == 1 and server.count() == 1


def test_start_returns_when_a_service_cannot_start(lab, server):
    hook = lab.script("hook.sh", "exit 1")
    dw = lab.daemonwatch(
        service("web", start=server.argv),
        service("bad", start=["/bin/sleep", "1"], before_start=[hook]))
    assert dw.cli("start").rc == 0
    dw.wait_up("web")
    assert dw.state("bad") != "up"


def test_start_keeps_no_pipe_of_its_caller(lab, web):
    # `daemonwatch start | cat` ends.
    p = subprocess.Popen(web.argv("start"), env=lab.env,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
    p.communicate(timeout=20)
    assert p.returncode == 0
    assert alive(web.daemon_pid())


def test_start_tells_its_errors_to_its_caller(lab, web):
    os.rmdir(web.rundir)
    lab.write("run", "a file where the runtime directory should be\n")
    r = web.cli("start")
    assert r.rc not in (0, 2) and web.rundir in r.err, r


def test_runtime_files(lab, web, server):
    assert web.cli("start").rc == 0
    files = set(os.listdir(web.rundir))
    assert {"pid", "control"} <= files
    with open(os.path.join(web.rundir, "pid"), encoding="ascii") as f:
        assert f.read().strip() == str(web.status()["pid"])


def test_runtime_directory_is_made(lab, web, server):
    os.rmdir(web.rundir)
    assert web.cli("start").rc == 0
    assert os.stat(web.rundir).st_mode & 0o777 == 0o755


# -- inheritance

def no_standard_descriptors():
    for fd in (0, 1, 2):
        os.close(fd)


def thousand_descriptors():
    # preexec_fn comes after Popen's own clean-up, so these survive.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE,
                       (min(hard, max(soft, 2048)), hard))
    fd = os.open("/etc/passwd", os.O_RDONLY)
    for n in range(10, 1010):
        os.dup2(fd, n, inheritable=True)


def unlimited_descriptors():
    # As many as we may have; a container gives a billion.
    with open("/proc/sys/fs/nr_open", encoding="ascii") as f:
        most = int(f.read())
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    except ValueError:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def sigchld_ignored():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def all_ignored():
    for s in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1,
              signal.SIGUSR2, signal.SIGPIPE, signal.SIGALRM):
        signal.signal(s, signal.SIG_IGN)


def all_blocked():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def small_umask_odd_cwd():
    os.umask(0o777)
    os.chdir("/tmp")


INHERITANCE = [no_standard_descriptors, thousand_descriptors, sigchld_ignored,
               all_ignored, all_blocked, small_umask_odd_cwd,
               unlimited_descriptors]


@pytest.mark.parametrize("poor", INHERITANCE)
@pytest.mark.parametrize("verb", ["run", "start"])
def test_poor_inheritance(lab, server, verb, poor):
    log = lab.path("daemonwatch.log")
    dw = lab.daemonwatch(
        f'log = "{log}"\n' + service("web", start=server.argv)
        + service("idle", start=["/bin/sleep", "1000"]))
    began = monotonic_ns()
    if verb == "run":
        p = lab.popen(dw.argv("run"), stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL, preexec_fn=poor)
    else:
        p = lab.popen(dw.argv("start"), stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL, preexec_fn=poor)
        assert p.wait(30) == 0
    pid = server.wait_serving()
    wait_for(lambda: dw.status_result().rc == 0, "running")
    dw.wait_up("web", "idle")
    # Closing a billion descriptors one by one would take minutes.
    assert monotonic_ns() - began < 20e9
    daemon = dw.daemon_pid()
    fds = fds_of(daemon)
    assert {0, 1, 2} <= set(fds)
    if verb == "start":
        assert "/etc/passwd" not in fds.values()
    # The services get nothing of it.
    idle, = dw.service("idle")["pids"]
    assert sorted(fds_of(idle)) == [0, 1, 2]
    s = status_of(idle)
    assert int(s["SigBlk"], 16) == 0 and int(s["SigIgn"], 16) == 0
    assert int(s["Umask"], 8) == 0o022
    kill_and_wait(pid)
    server.wait_serving(2)
    dw.wait_up("web")
    os.kill(daemon, signal.SIGTERM)
    wait_for(lambda: p.poll() is not None and not alive(daemon), "its end")
    assert not alive(server.pid) and not alive(idle)


def test_services_get_the_limits_that_daemonwatch_was_given(lab):
    # daemonwatch may raise its own limit of descriptors; a service that uses
    # select(2) must not inherit that.
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, 2048))
    dw = lab.daemonwatch(service("idle", start=["/bin/sleep", "1000"]))
    dw.start_foreground(preexec_fn=limit)
    dw.wait_up("idle")
    pid, = dw.service("idle")["pids"]
    assert resource.prlimit(pid, resource.RLIMIT_NOFILE) == (512, 2048)


def test_in_the_foreground_it_stays_there(lab, web, server):
    web.start_foreground()
    server.wait_serving()
    web.wait_up("web")
    s = stat_of(web.proc.pid)
    assert s["ppid"] == os.getpid() and s["sid"] == os.getsid(0)
    assert web.events("web", to="up")


def test_its_standard_error_may_go_away(lab, web, server):
    # run | head -1, and then a hundred events more
    r, w = os.pipe()
    p = lab.popen(web.argv("run"), stdout=w, stderr=w)
    os.close(w)
    os.close(r)
    for n in range(1, 6):
        kill_and_wait(server.wait_starts(n))
    server.wait_serving(6)
    web.wait_up("web")
    p.terminate()
    assert p.wait(20) == 0


def test_its_standard_error_may_block(lab, web, server):
    # A full pipe that nobody reads must not stop the watching.
    r, w = os.pipe()
    fcntl.fcntl(w, 1031, 4096)      # F_SETPIPE_SZ
    flags = fcntl.fcntl(w, fcntl.F_GETFL)
    fcntl.fcntl(w, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    try:
        while True:
            os.write(w, b"x" * 4096)
    except BlockingIOError:
        pass
    fcntl.fcntl(w, fcntl.F_SETFL, flags)
    p = lab.popen(web.argv("run"), stdout=w, stderr=w)
    os.close(w)
    try:
        for n in range(1, 4):
            kill_and_wait(server.wait_starts(n))
        server.wait_serving(4)
    finally:
        os.close(r)
    p.terminate()
    assert p.wait(20) == 0


def test_log_file_is_reopened_on_hup(lab, server):
    log = lab.path("daemonwatch.log")
    dw = lab.daemonwatch(
        f'log = "{log}"\n' + service("web", start=server.argv))
    assert dw.cli("start").rc == 0
    os.rename(log, log + ".1")
    os.kill(dw.daemon_pid(), signal.SIGHUP)
    wait_for(lambda: os.path.exists(log), "a new log file")
    kill_and_wait(server.wait_serving())
    server.wait_serving(2)
    wait_for(lambda: "up -> " in open(log, encoding="utf-8").read(),
             "events in the new file")
