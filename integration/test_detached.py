# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Services that daemonwatch does not run but finds: by pidfile or by pattern.

import signal

import pytest

from harness import (alive, kill_and_wait, service, stat_of, voluntary_switches,
                     wait_for)


def by_pidfile(server, **keys):
    keys.setdefault("on_exit", "stop")
    return service("web", type="detached", start=server.start,
                   pidfile=f'"{server.pidfile}"', **keys)


def by_match(server, **keys):
    keys.setdefault("on_exit", "stop")
    return service("web", type="detached", start=server.start,
                   match=f"'-l {server.log} '", **keys)


WAYS = ["pidfile", "match"]


def make(lab, way, **keys):
    """A server and the configuration to find it that way."""
    if way == "pidfile":
        server = lab.server(style="daemon")
        return server, by_pidfile(server, **keys)
    server = lab.server(style="script")
    return server, by_match(server, **keys)


@pytest.mark.parametrize("way", WAYS)
def test_started_found_and_stopped(lab, way):
    server, conf = make(lab, way)
    dw = lab.daemonwatch(conf).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    s = dw.service("web")
    assert s["type"] == "detached" and s["pids"] == [pid]
    assert dw.terminate() == 0
    assert not alive(pid)
    assert server.count("term") == 1 and server.count() == 1


@pytest.mark.parametrize("way", WAYS)
def test_killed_and_back_at_once(lab, way):
    # Its interval is the default, of many seconds; the deadline here is less.
    server, conf = make(lab, way, interval="60s")
    dw = lab.daemonwatch(conf).start_foreground()
    for n in (1, 2, 3):
        pid = server.wait_serving(n)
        dw.wait_up("web")
        assert dw.service("web")["pids"] == [pid]
        kill_and_wait(pid)
    server.wait_serving(4)
    dw.wait_up("web")
    assert len(server.alive_pids()) == 1
    assert dw.service("web")["restarts"] == 3


@pytest.mark.parametrize("way", WAYS)
def test_found_running_is_not_started(lab, way):
    server, conf = make(lab, way)
    pid = server.run()
    dw = lab.daemonwatch(conf).start_foreground()
    dw.wait_up("web")
    assert dw.service("web")["pids"] == [pid] and server.count() == 1
    # It is no child of ours, and yet its death is noticed at once.
    assert stat_of(pid)["ppid"] != dw.pid
    kill_and_wait(pid)
    server.wait_serving(2)
    dw.wait_up("web")


@pytest.mark.parametrize("way", WAYS)
def test_operator_stop_start_restart(lab, way):
    server, conf = make(lab, way)
    dw = lab.daemonwatch(conf).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    assert dw.cli("stop", "web").rc == 0
    dw.wait_state("web", "stopped")
    assert not alive(pid)
    assert dw.cli("start", "web").rc == 0
    pid = server.wait_serving(2)
    dw.wait_up("web")
    assert dw.cli("restart", "web").rc == 0
    server.wait_serving(3)
    dw.wait_up("web")
    assert not alive(pid) and server.count() == 3


@pytest.mark.parametrize("way", WAYS)
def test_term_ignored_means_kill_at_stop_timeout(lab, way):
    style = "daemon" if way == "pidfile" else "script"
    server = lab.server(style=style, args=["-I"])
    conf = (by_pidfile if way == "pidfile" else by_match)(
        server, stop_timeout="500ms")
    dw = lab.daemonwatch(conf).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    assert dw.cli("stop", "web").rc == 0
    dw.wait_state("web", "stopped")
    assert not alive(pid) and server.count("term") == 1


def test_a_stop_command_that_does_not_help(lab):
    # The command says it is done, the server runs on: then signals.
    server = lab.server(style="daemon")
    dw = lab.daemonwatch(
        by_pidfile(server, stop=["/bin/true"], stop_timeout="500ms")
    ).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    assert dw.cli("stop", "web").rc == 0
    dw.wait_state("web", "stopped")
    assert not alive(pid)


def test_a_pidfile_that_comes_late(lab):
    # The start command returns before the pidfile is there, as some do.
    server = lab.server(style="daemon", args=["-W", "-D", 700])
    dw = lab.daemonwatch(
        by_pidfile(server, start_timeout="20s")).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    assert dw.service("web")["pids"] == [pid] and server.count() == 1


def test_a_pidfile_that_is_locked(lab):
    server = lab.server(style="daemon", args=["-f"])
    dw = lab.daemonwatch(by_pidfile(server)).start_foreground()
    server.wait_serving()
    dw.wait_up("web")
    kill_and_wait(server.pid)
    pid = server.wait_serving(2)
    dw.wait_up("web")
    assert dw.service("web")["pids"] == [pid]


def test_a_successor_in_the_pidfile_is_followed(lab):
    # As nginx upgrades itself: the new one takes over, the old one leaves.
    lab.may_leave = True
    server = lab.server(style="daemon", port=0, mode="refuses")
    dw = lab.daemonwatch(
        by_pidfile(server, interval="200ms")
    ).start_foreground()
    old = server.wait_serving()
    dw.wait_up("web")
    new = server.run()
    kill_and_wait(old, signal.SIGTERM)
    wait_for(lambda: dw.service("web")["pids"] == [new], "the new one found")
    assert server.count() == 2
    kill_and_wait(new)
    server.wait_serving(3)
    dw.wait_up("web")


def test_a_start_command_that_never_makes_a_process(lab):
    tries = lab.path("open", "tries")
    script = lab.script("nothing.sh", f"echo try >>{tries}")
    dw = lab.daemonwatch(
        service("web", type="detached", start=[script],
                match=f"'{lab.dir}/no-such-process'", start_timeout="200ms",
                backoff="50ms..100ms")).start_foreground()
    wait_for(lambda: open(tries, encoding="ascii").read().count("try") >= 3,
             "three tries")
    assert dw.state("web") != "up"
    assert not dw.events("web", to="up")


def test_several_processes_one_service(lab):
    # A pattern that fits three, count = 3: one gone, all are made anew.
    server = lab.server(port=0, mode="refuses")
    line = " ".join(server.argv)
    script = lab.script("three.sh", "\n".join(
        [f"nohup {line} >/dev/null 2>&1 </dev/null &"] * 3))
    lab.server("unused")
    dw = lab.daemonwatch(
        service("three", type="detached", start=[script], count=3,
                match=f"'^{server.program} -l {server.log} '",
                on_exit="stop", backoff="50ms..100ms", interval="100ms")
    ).start_foreground()
    server.wait_starts(3)
    dw.wait_up("three")
    assert sorted(dw.service("three")["pids"]) == sorted(
        server.alive_pids())
    kill_and_wait(server.starts()[0][1])
    wait_for(lambda: server.count() >= 6, "started again")
    dw.wait_up("three")
    wait_for(lambda: len(server.alive_pids()) == 3, "three again")
    assert dw.terminate() == 0
    assert server.alive_pids() == []


def test_a_foreign_process_is_watched_without_polling(lab):
    server = lab.server(style="daemon")
    server.run()
    dw = lab.daemonwatch(by_pidfile(server, interval="1h")).start_foreground()
    dw.wait_up("web")
    settle(dw.pid)
    before = voluntary_switches(dw.pid)
    kill_and_wait(server.pid)
    server.wait_serving(2)
    assert voluntary_switches(dw.pid) > before
    dw.wait_up("web")


def settle(pid):
    """Until it has slept through ten looks of ours."""
    seen = []

    def look():
        seen.append(voluntary_switches(pid))
        return len(seen) > 10 and len(set(seen[-10:])) == 1
    wait_for(look, "quiet")
