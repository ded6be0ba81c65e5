# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Services that run in the foreground as daemonwatch's children.

import grp
import os
import pwd
import signal
import socket
import time
from datetime import datetime, timezone

import pytest

from harness import (alive, cpu_ns, defaults, environ_of, fds_of, kill,
                     kill_and_wait, monotonic_ns, service, stat_of, status_of,
                     wait_for)


@pytest.fixture
def server(lab):
    return lab.server()


def test_start_alone_is_a_complete_service(lab, server):
    dw = lab.daemonwatch(service("web", start=server.argv))
    dw.start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    s = dw.service("web")
    assert s["type"] == "child" and s["pids"] == [pid] and s["restarts"] == 0
    assert stat_of(pid)["ppid"] == dw.pid
    assert dw.terminate() == 0
    assert not alive(pid) and server.count("term") == 1


def test_restarted_after_kill_9(lab, server):
    dw = lab.daemonwatch(service("web", start=server.argv)).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    kill_and_wait(pid)
    new = server.wait_serving(2)
    dw.wait_up("web")
    s = dw.service("web")
    assert new != pid and s["pids"] == [new] and s["restarts"] == 1
    gone = dw.wait_event("web", frm="up")
    assert "kill" in gone.cause.lower() or "signal 9" in gone.cause.lower()


@pytest.mark.parametrize("status", [0, 1, 3])
def test_restarted_after_exit(lab, status):
    # It serves one connection and leaves.
    server = lab.server(args=["-n", 1, "-x", status])
    dw = lab.daemonwatch(service("web", start=server.argv)).start_foreground()
    server.wait_serving()
    dw.wait_up("web")
    socket.create_connection(("127.0.0.1", server.port)).close()
    server.wait_serving(2)
    dw.wait_up("web")
    gone = dw.wait_event("web", frm="up")
    assert "exit" in gone.cause and str(status) in gone.cause


def test_a_hundred_kills_are_a_hundred_starts(lab, server):
    dw = lab.daemonwatch(
        service("web", start=server.argv, backoff="0s..0s")
    ).start_foreground()
    for n in range(1, 101):
        kill_and_wait(server.wait_starts(n))
    server.wait_serving(101)
    dw.wait_up("web")
    assert dw.service("web")["restarts"] == 100
    assert server.count() == 101 and len(server.alive_pids()) == 1


def test_crash_loop_delays_grow(lab):
    server = lab.server(args=["-t", 0, "-x", 1])
    lab.daemonwatch(
        service("bad", start=server.argv, backoff="100ms..400ms")
    ).start_foreground()
    server.wait_starts(7, 20)
    starts = [l[2] for l in server.starts()]
    gaps = [(b - a) / 1e6 for a, b in zip(starts, starts[1:])][:6]
    # The first at once, then doubling up to the limit, 10 % jitter.
    for gap, least in zip(gaps, [0, 100, 200, 400, 400, 400]):
        assert gap >= least * 0.89, gaps
    assert gaps[0] < 100 and gaps[1] < 200 + 100, gaps


@pytest.mark.bound(120)
def test_crash_loop_costs_next_to_nothing(lab):
    server = lab.server(args=["-t", 0, "-x", 1])
    dw = lab.daemonwatch(
        service("bad", start=server.argv)).start_foreground()
    server.wait_starts(3)
    cpu, began = cpu_ns(dw.pid), monotonic_ns()
    server.wait_starts(7, 30)
    cpu, wall = cpu_ns(dw.pid) - cpu, monotonic_ns() - began
    assert cpu < wall * 0.01


def test_a_stable_run_resets_the_delay(lab, server):
    dw = lab.daemonwatch(
        service("web", start=server.argv, backoff="300ms..5s",
                stable="600ms")).start_foreground()
    for n in (1, 2, 3):
        kill_and_wait(server.wait_serving(n))
    pid = server.wait_serving(4)    # after 600 ms of delay
    began = server.starts()[-1][2]
    wait_for(lambda: monotonic_ns() - began > 800e6, "a stable run")
    when = kill_and_wait(pid)
    server.wait_serving(5)
    assert server.starts()[-1][2] - when < 250e6
    dw.wait_up("web")


def test_give_up_and_say_so(lab):
    server = lab.server(args=["-t", 0, "-x", 1])
    dw = lab.daemonwatch(
        service("bad", start=server.argv, backoff="10ms..10ms",
                give_up="5 in 10m")).start_foreground()
    dw.wait_state("bad", "failed")
    n = server.count()
    assert 5 <= n <= 6
    e = dw.wait_event("bad", to="failed")
    assert e.level.lower() in ("error", "warning", "err")
    assert "failed" in dw.cli("status").both
    # An operator may try again.
    assert dw.cli("start", "bad").rc == 0
    server.wait_starts(n + 1)


def test_give_up_holds_then_tries_again(lab):
    server = lab.server(args=["-t", 0, "-x", 1])
    dw = lab.daemonwatch(
        service("bad", start=server.argv, backoff="10ms..10ms",
                give_up="2 in 10m", hold="300ms")).start_foreground()
    dw.wait_event("bad", to="failed")
    n = server.count()
    server.wait_starts(n + 1)
    dw.wait_event("bad", to="failed", n=2)


def test_term_ignored_means_kill_at_stop_timeout(lab):
    server = lab.server(args=["-I"])
    dw = lab.daemonwatch(
        service("web", start=server.argv, stop_timeout="500ms")
    ).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    began = monotonic_ns()
    assert dw.cli("stop", "web").rc == 0
    dw.wait_state("web", "stopped")
    assert not alive(pid)
    assert server.count("term") == 1, "TERM comes first"
    assert monotonic_ns() - server.lines("term")[0][2] > 400e6
    assert monotonic_ns() - began > 400e6


def test_stop_signal(lab, server):
    dw = lab.daemonwatch(
        service("web", start=server.argv, stop_signal="INT")
    ).start_foreground()
    server.wait_serving()
    dw.wait_up("web")
    assert dw.terminate() == 0
    assert server.count("int") == 1 and server.count("term") == 0


def test_stop_sequence(lab):
    server = lab.server(args=["-I"])    # it ignores TERM
    dw = lab.daemonwatch(service(
        "web", start=server.argv,
        stop_sequence='{TERM, 300ms, INT, 5s, KILL}')).start_foreground()
    server.wait_serving()
    dw.wait_up("web")
    assert dw.cli("stop", "-w", "web").rc == 0
    assert server.count("term") == 1 and server.count("int") == 1
    assert server.lines("int")[0][2] - server.lines("term")[0][2] > 250e6
    assert not dw.said("killing")


def test_kill_process_leaves_the_rest_of_the_group(lab):
    server = lab.server(args=["-g", 2])
    dw = lab.daemonwatch(service(
        "web", start=server.argv, kill="process")).start_foreground()
    server.wait_serving()
    dw.wait_up("web")
    wait_for(lambda: server.count("grandchild") == 2, "grandchildren")
    family = [l[1] for l in server.lines("grandchild")]
    assert dw.cli("stop", "-w", "web").rc == 0
    assert all(alive(p) for p in family)
    for p in family:
        kill_and_wait(p)


@pytest.mark.parametrize("how", ["stop", "restart", "kill -9", "exit"])
def test_nothing_of_its_process_group_survives(lab, how):
    server = lab.server(args=["-g", 2])
    dw = lab.daemonwatch(
        service("web", start=server.argv, stop_timeout="1s")
    ).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    wait_for(lambda: server.count("grandchild") == 2, "grandchildren")
    family = [l[1] for l in server.lines("grandchild")]
    assert all(alive(p) for p in family)
    if how == "stop":
        assert dw.cli("stop", "web").rc == 0
        dw.wait_state("web", "stopped")
    elif how == "restart":
        assert dw.cli("restart", "web").rc == 0
        server.wait_starts(2)
    else:
        kill_and_wait(pid, signal.SIGKILL if how == "kill -9"
                      else signal.SIGTERM)
        server.wait_starts(2)
    # They were sent SIGKILL before the next instance started.
    wait_for(lambda: not any(alive(p) for p in family), "their end", 2)


def test_operator_stop_start_restart(lab, server):
    other = lab.server("other")
    dw = lab.daemonwatch(
        service("web", start=server.argv),
        service("other", start=other.argv)).start_foreground()
    pid, other_pid = server.wait_serving(), other.wait_serving()
    dw.wait_up("web", "other")
    assert dw.cli("stop", "web").rc == 0
    dw.wait_state("web", "stopped")
    assert not alive(pid) and dw.service("web")["pids"] == []
    assert dw.cli("start", "web").rc == 0
    pid = server.wait_serving(2)
    dw.wait_up("web")
    assert dw.cli("restart", "web").rc == 0
    server.wait_serving(3)
    dw.wait_up("web")
    assert not alive(pid)
    assert server.count() == 3
    # Nothing of this is the other's concern.
    assert alive(other_pid) and other.count() == 1


def test_operator_names_an_unknown_service(lab, server):
    dw = lab.daemonwatch(service("web", start=server.argv)).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    for verb in ("start", "stop", "restart"):
        r = dw.cli(verb, "wbe")
        assert r.rc == 1 and "wbe" in r.err, r
    assert alive(pid) and dw.state("web") == "up"


def test_start_of_a_running_service_changes_nothing(lab, server):
    dw = lab.daemonwatch(service("web", start=server.argv)).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    assert dw.cli("start", "web").rc == 0
    assert dw.service("web")["pids"] == [pid] and server.count() == 1


def test_stopped_while_waiting_stays_stopped(lab, server):
    clock = lab.server("clock", args=["-t", 0])
    dw = lab.daemonwatch(
        service("web", start=server.argv, backoff="300ms..300ms"),
        service("clock", start=clock.argv, backoff="300ms..300ms")
    ).start_foreground()
    kill_and_wait(server.wait_serving())
    kill_and_wait(server.wait_serving(2))   # the first restart is immediate
    dw.wait_state("web", "waiting")
    assert dw.cli("stop", "web").rc == 0
    dw.wait_state("web", "stopped")
    # The other one's delay runs out again and again meanwhile.
    clock.wait_starts(clock.count() + 3)
    assert server.count() == 2 and dw.state("web") == "stopped"


def test_a_stopped_service_is_not_restarted_by_its_death(lab):
    # It dies by itself while it is being stopped.
    server = lab.server(args=["-I", "-t", 1500])
    clock = lab.server("clock", args=["-t", 0])
    dw = lab.daemonwatch(
        service("web", start=server.argv, stop_timeout="20s"),
        service("clock", start=clock.argv, backoff="100ms..100ms")
    ).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    dw.cli("stop", "web")
    wait_for(lambda: not alive(pid), "its end")
    dw.wait_state("web", "stopped")
    clock.wait_starts(clock.count() + 5)
    assert server.count() == 1 and dw.state("web") == "stopped"


def test_a_service_stopped_by_sigstop_can_be_stopped(lab, server):
    dw = lab.daemonwatch(
        service("web", start=server.argv, stop_timeout="500ms")
    ).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    kill(pid, signal.SIGSTOP)
    assert dw.cli("stop", "web").rc == 0
    dw.wait_state("web", "stopped")
    assert not alive(pid)


def test_env_cwd_umask(lab, server):
    cwd = lab.path("home")
    os.mkdir(cwd)
    dw = lab.daemonwatch(
        service("web", start=server.argv, cwd=f'"{cwd}"', umask="027",
                env=["COLOUR=blue", "EMPTY=", "TWO=a=b c"])
    ).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    assert os.readlink(f"/proc/{pid}/cwd") == cwd
    assert int(status_of(pid)["Umask"], 8) == 0o027
    env = environ_of(pid).split(b"\0")
    assert b"COLOUR=blue" in env and b"EMPTY=" in env
    assert b"TWO=a=b c" in env


def test_defaults_are_for_the_services_after_them(lab):
    a, b = lab.server("a"), lab.server("b")
    dw = lab.daemonwatch(
        service("a", start=a.argv), defaults(umask="077"),
        service("b", start=b.argv)).start_foreground()
    a.wait_serving(), b.wait_serving()
    dw.wait_up("a", "b")
    assert int(status_of(a.pid)["Umask"], 8) == 0o022
    assert int(status_of(b.pid)["Umask"], 8) == 0o077


def test_descriptors_signals_and_session(lab, server):
    dw = lab.daemonwatch(
        service("idle", start=["/bin/sleep", "1000"])).start_foreground()
    dw.wait_up("idle")
    pid, = dw.service("idle")["pids"]
    assert sorted(fds_of(pid)) == [0, 1, 2]
    assert fds_of(pid)[0] == "/dev/null"
    s = status_of(pid)
    assert int(s["SigBlk"], 16) == 0
    assert int(s["SigIgn"], 16) == 0
    assert int(s["SigCgt"], 16) == 0
    # A group of its own, so that stopping it reaches no one else.
    assert stat_of(pid)["pgid"] == pid


def test_log_to_a_file(lab):
    server = lab.server(args=["-o", "hello from the service"])
    log = lab.path("web.log")
    dw = lab.daemonwatch(
        service("web", start=server.argv, log=f'"{log}"',
                backoff="10ms..10ms")).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    wait_for(lambda: open(log, encoding="ascii").read().count("hello") == 1,
             "its words in the file")
    kill_and_wait(pid)
    server.wait_serving(2)
    # Appended to, not begun again.
    wait_for(lambda: open(log, encoding="ascii").read().count("hello") == 2,
             "both starts' words in the file")


def test_log_that_cannot_be_opened_is_said(lab, server):
    dw = lab.daemonwatch(
        service("web", start=server.argv, backoff="50ms..100ms",
                log=f'"{lab.path("not", "there", "web.log")}"')
    ).start_foreground()
    dw.wait_said(r"web.*(not/there|No such file)")
    # Once the place is there, the service is too: nothing is final.
    os.makedirs(lab.path("not", "there"))
    server.wait_serving()
    dw.wait_up("web")


@pytest.mark.root
def test_user(lab, server):
    dw = lab.daemonwatch(
        service("web", start=server.argv, user="nobody")).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    nobody = pwd.getpwnam("nobody")
    s = status_of(pid)
    assert set(map(int, s["Uid"].split())) == {nobody.pw_uid}
    assert set(map(int, s["Gid"].split())) == {nobody.pw_gid}
    assert set(map(int, s["Groups"].split())) <= set(
        os.getgrouplist("nobody", nobody.pw_gid))
    assert int(s["CapEff"], 16) == 0 and int(s["CapPrm"], 16) == 0


@pytest.mark.root
def test_user_and_group(lab, server):
    group = grp.getgrnam("daemon")
    dw = lab.daemonwatch(
        service("web", start=server.argv, user="nobody", group="daemon")
    ).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    s = status_of(pid)
    assert set(map(int, s["Uid"].split())) == {pwd.getpwnam("nobody").pw_uid}
    assert set(map(int, s["Gid"].split())) == {group.gr_gid}
    assert 0 not in map(int, s["Groups"].split())


@pytest.mark.root
def test_cwd_is_entered_as_the_user(lab, server):
    # A directory that only root may enter is no place for nobody's service.
    cwd = lab.path("secret")
    os.mkdir(cwd, 0o700)
    dw = lab.daemonwatch(
        service("web", start=server.argv, user="nobody", cwd=f'"{cwd}"',
                backoff="50ms..100ms")).start_foreground()
    dw.wait_said("web.*(chdir|Permission denied)")
    assert server.count() == 0
    os.chmod(cwd, 0o755)
    server.wait_serving()
    dw.wait_up("web")


def test_restart_is_told_with_when_who_from_to_why(lab, server):
    dw = lab.daemonwatch(service("web", start=server.argv)).start_foreground()
    kill_and_wait(server.wait_serving())
    server.wait_serving(2)
    dw.wait_up("web")
    events = dw.events("web")
    # A chain without a gap, and each link has a cause.
    for a, b in zip(events, events[1:]):
        assert a.to == b.frm, events
    assert events[-1].to == "up"
    year = time.strftime("%Y")
    for e in events:
        assert e.time.startswith(year) and e.cause, events


def test_since_is_the_time_of_the_last_change(lab, server):
    dw = lab.daemonwatch(service("web", start=server.argv)).start_foreground()
    server.wait_serving()
    dw.wait_up("web")
    since = datetime.fromisoformat(
        dw.service("web")["since"].replace("Z", "+00:00"))
    age = (datetime.now(timezone.utc) - since).total_seconds()
    assert -1 < age < 60
