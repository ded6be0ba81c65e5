# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# pause and resume: a service that is watched, and nothing is done about it.

from datetime import datetime, timezone

import pytest

from harness import alive, kill_and_wait, service, wait_for


@pytest.fixture
def server(lab):
    return lab.server()


def up(lab, server, **keys):
    dw = lab.daemonwatch(
        service("web", start=server.argv, **keys)).start_foreground()
    server.wait_serving()
    dw.wait_up("web")
    return dw


def test_nothing_is_done_until_it_is_resumed(lab, server):
    dw = up(lab, server)
    assert dw.cli("pause", "-w", "web").rc == 0
    s = dw.service("web")
    assert s["state"] == "paused" and s["pids"] == [server.pid]
    assert s["paused_until"] is None
    assert dw.cli("status", "web").rc == 0
    kill_and_wait(server.pid)
    e = dw.wait_event("web", frm="paused", to="paused")
    assert "killed by signal 9" in e.cause and "paused" in e.cause
    assert dw.cli("status", "web").rc == 3
    assert server.count() == 1
    assert dw.cli("resume", "-w", "web").rc == 0
    assert server.count() == 2
    dw.wait_up("web")


def test_resume_of_one_that_lives_touches_nothing(lab, server):
    dw = up(lab, server)
    pid = server.pid
    assert dw.cli("pause", "web").rc == 0
    dw.wait_state("web", "paused")
    assert dw.cli("resume", "-w", "web").rc == 0
    s = dw.service("web")
    assert s["state"] == "up" and s["pids"] == [pid] and s["restarts"] == 0
    assert server.count() == 1 and server.count("term") == 0


def test_it_ends_by_itself(lab, server):
    dw = up(lab, server)
    before = datetime.now(timezone.utc)
    assert dw.cli("pause", "--for", "1500ms", "web").rc == 0
    s = dw.wait_state("web", "paused")
    until = datetime.fromisoformat(s["paused_until"])
    assert 1.0 < (until - before).total_seconds() < 2.5
    assert f"until {until:%Y-%m-%d}" in dw.cli("status").out
    kill_and_wait(server.pid)
    server.wait_starts(2)
    dw.wait_up("web")
    assert dw.events("web", frm="paused")[-1].cause == "its pause is over" or \
        "its pause is over" in [e.cause for e in dw.events("web")]
    assert datetime.now(timezone.utc) >= until


def test_failing_checks_are_told_and_not_acted_on(lab, server):
    dw = up(lab, server, tcp={"port": {
        "address": server.address, "interval": "100ms", "timeout": "100ms",
        "fall": 2, "send": '"x\\n"', "expect": "'.'"}})
    assert dw.cli("pause", "web").rc == 0
    dw.wait_state("web", "paused")
    server.set_mode("silent")
    wait_for(lambda: dw.check("web", "port")["failures"] > 4, "failures")
    assert dw.state("web") == "paused" and server.count("term") == 0
    assert dw.cli("resume", "web").rc == 0
    server.wait_starts(2)


@pytest.mark.parametrize("verb, state", [
    ("stop", "stopped"), ("restart", "up"), ("start", "up")])
def test_other_wishes_end_it(lab, server, verb, state):
    dw = up(lab, server)
    assert dw.cli("pause", "web").rc == 0
    dw.wait_state("web", "paused")
    assert dw.cli(verb, "-w", "web").rc == 0
    assert dw.state("web") == state
    assert server.count() == (2 if verb == "restart" else 1)


def test_it_outlives_daemonwatch(lab, server):
    dead = lab.server("dead")
    dw = lab.daemonwatch(service("web", start=server.argv),
                         service("dead", start=dead.argv)).start_foreground()
    server.wait_serving()
    dead.wait_serving()
    dw.wait_up("web", "dead")
    assert dw.cli("pause", "--for", "1h", "web").rc == 0
    assert dw.cli("pause", "dead").rc == 0
    kill_and_wait(dead.pid)
    dw.wait_event("dead", frm="paused", to="paused")
    until = dw.wait_state("web", "paused")["paused_until"]
    dw.kill9()
    dw.start_foreground()
    s = dw.wait_state("web", "paused")
    assert s["pids"] == [server.pid]
    assert abs((datetime.fromisoformat(s["paused_until"]) -
                datetime.fromisoformat(until)).total_seconds()) < 1
    assert dw.state("dead") == "paused" and dead.count() == 1
    assert dw.cli("resume", "dead").rc == 0
    dead.wait_starts(2)
    kill_and_wait(server.pid)
    assert dw.cli("resume", "web").rc == 0
    server.wait_starts(2)
    dw.wait_up("web", "dead")


def test_a_start_is_brought_to_its_end(lab):
    server = lab.server(mode="refuses")
    dw = lab.daemonwatch(service(
        "web", start=server.argv, ready="port", start_timeout="30s",
        tcp={"port": {"address": server.address, "interval": "100ms"}})
    ).start_foreground()
    server.wait_starts(1)
    assert dw.cli("pause", "web").rc == 0
    assert dw.state("web") == "starting"
    server.set_mode("answers")
    s = dw.wait_state("web", "paused")
    assert s["pids"] == [server.pid]


def test_a_paused_dependent_is_left_alone(lab, server):
    db = lab.server("db")
    dw = lab.daemonwatch(
        service("db", start=db.argv),
        service("web", start=server.argv, requires="db")).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("db", "web")
    assert dw.cli("pause", "-w", "web").rc == 0
    assert dw.cli("restart", "-w", "db").rc == 0
    assert alive(pid) and dw.state("web") == "paused"


def test_detached(lab):
    server = lab.server(style="daemon")
    dw = lab.daemonwatch(service(
        "web", type="detached", pidfile=server.pidfile, start=server.argv,
        on_exit="stop", interval="200ms")).start_foreground()
    server.wait_serving()
    dw.wait_up("web")
    assert dw.cli("pause", "-w", "web").rc == 0
    kill_and_wait(server.pid)
    dw.wait_event("web", frm="paused", to="paused")
    # By hand, as one does who has asked for a pause.
    pid = server.run()
    dw.wait_event("web", frm="paused", to="paused", n=2)
    assert dw.cli("resume", "-w", "web").rc == 0
    assert dw.service("web")["pids"] == [pid] and server.count() == 2


def test_what_cannot_be_paused(lab, server):
    dw = up(lab, server)
    assert dw.cli("stop", "-w", "web").rc == 0
    assert "nothing to pause, being stopped: web" in \
        dw.cli("pause", "web").both
    assert dw.state("web") == "stopped"
    assert "not paused: web" in dw.cli("resume", "web").both
    assert dw.cli("pause").rc == 2
    assert dw.cli("pause", "--for", "0s", "web").rc == 2
    assert dw.cli("pause", "--for", "soon", "web").rc == 2
    assert dw.cli("stop", "--for", "1s", "web").rc == 2
