# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# requires and after: who is started first, who is stopped first, and what
# becomes of those that require a service that is not there.

import re

import pytest

from harness import alive, kill_and_wait, service, wait_for


def begin(lab, name, **keys):
    """A child that is ready when its port answers."""
    server = lab.server(name)
    text = service(name, start=server.argv, ready="port", interval="200ms",
                   tcp={"port": {"address": server.address}}, **keys)
    return server, text


def when(server, what, n=0):
    return server.lines(what)[n][2]


def test_requirement_is_ready_first(lab):
    # In the file the other way round.
    web, w = begin(lab, "web", requires="db")
    db, d = begin(lab, "db")
    lab.daemonwatch(w, d).start_foreground().wait_up("web", "db")
    assert when(web, "start") > when(db, "mode")


def test_start_returns_when_all_are_up(lab):
    names = ["one", "two", "three", "four"]
    parts = [begin(lab, n, requires=r) for n, r in
             zip(names, ["two, three", "four", "four", None])]
    dw = lab.daemonwatch(*(p[1] for p in parts))
    lab.may_leave = True
    assert dw.cli("start").rc == 0
    dw.wait_up(*names, timeout=0.5)
    assert dw.cli("stop").rc == 0
    server = dict(zip(names, (p[0] for p in parts)))
    for first, then in (("one", "two"), ("one", "three"), ("two", "four"),
                        ("three", "four")):
        assert when(server[first], "term") < when(server[then], "term")
        assert when(server[then], "mode") < when(server[first], "start")


def test_independent_services_start_in_parallel(lab):
    slow = lab.server("slow")
    other, o = begin(lab, "other", requires="base")
    base, b = begin(lab, "base")
    dw = lab.daemonwatch(
        service("slow", start=slow.argv, before_start=f'"sleep 30"',
                stop_timeout="1s"), o, b).start_foreground()
    dw.wait_up("other", "base")
    assert dw.state("slow") == "starting" and slow.count() == 0
    assert base.count() == 1 and other.count() == 1


def test_stopped_before_and_restarted_with_its_requirement(lab):
    db, d = begin(lab, "db")
    web, w = begin(lab, "web", requires="db")
    dw = lab.daemonwatch(d, w).start_foreground()
    dw.wait_up("web", "db")
    r = dw.cli("restart", "db")
    assert r.rc == 0 and "also restarted" in r.out and "web" in r.out
    web.wait_starts(2)
    dw.wait_up("web", "db")
    assert when(web, "term") < when(db, "term")
    assert when(db, "start", 1) > when(db, "term")
    assert when(web, "start", 1) > when(db, "mode", 1)
    assert db.count() == 2 and web.count() == 2
    e = dw.wait_event("web", frm="up")
    assert "db, which it requires" in e.cause and "asked to restart" in e.cause


def test_restarted_with_a_requirement_that_died(lab):
    db, d = begin(lab, "db")
    web, w = begin(lab, "web", requires="db", give_up="1 in 10m")
    top, t = begin(lab, "top", requires="web")
    dw = lab.daemonwatch(d, w, t).start_foreground()
    dw.wait_up("web", "db", "top")
    for n in (2, 3, 4):
        kill_and_wait(db.pid)
        top.wait_serving(n)
        dw.wait_up("web", "db", "top")
        assert when(web, "start", n - 1) > when(db, "mode", n - 1)
        assert when(top, "start", n - 1) > when(web, "mode", n - 1)
        assert when(top, "term", n - 2) < when(web, "term", n - 2)
        # It is not waited for with the new start of what has died.
    assert "db, which it requires: killed by signal 9" in \
        dw.wait_event("web", frm="up").cause


def test_failed_check_stops_those_that_require_it_first(lab):
    db = lab.server("db")
    d = service("db", start=db.argv, ready="port",
                tcp={"port": {"address": db.address, "interval": "100ms",
                              "timeout": "100ms", "fall": 2,
                              "send": '"PING\\n"', "expect": "'.'"}})
    web, w = begin(lab, "web", requires="db")
    dw = lab.daemonwatch(d, w).start_foreground()
    dw.wait_up("web", "db")
    db.set_mode("silent")
    web.wait_starts(2)
    dw.wait_up("web", "db")
    assert when(web, "term") < when(db, "term")


def test_stop_takes_along_and_start_brings_back(lab):
    db, d = begin(lab, "db")
    web, w = begin(lab, "web", requires="db")
    alone, a = begin(lab, "alone", after="db")
    dw = lab.daemonwatch(d, w, a).start_foreground()
    dw.wait_up("web", "db", "alone")
    r = dw.cli("stop", "-w", "db")
    assert r.rc == 0 and re.search(r"also stopped.*: web$", r.out, re.M)
    assert not web.alive_pids() and not db.alive_pids()
    assert when(web, "term") < when(db, "term")
    assert alone.alive_pids() and dw.state("alone") == "up"
    s = dw.wait_state("web", "waiting")
    assert s["cause"] == "waits for db, which is stopped" and s["wanted"]
    assert dw.cli("start", "db").rc == 0
    dw.wait_up("web", "db", "alone")
    assert alone.count() == 1


def test_start_starts_what_is_required(lab):
    db, d = begin(lab, "db")
    mid, m = begin(lab, "mid", requires="db")
    web, w = begin(lab, "web", requires="mid")
    dw = lab.daemonwatch(d, m, w).start_foreground()
    dw.wait_up("web", "mid", "db")
    assert dw.cli("stop", "-w", "*").rc == 0
    assert when(web, "term") < when(mid, "term") < when(db, "term")
    r = dw.cli("start", "-w", "web")
    assert r.rc == 0 and "also started, being required: db mid" in r.out
    dw.wait_up("web", "mid", "db", timeout=1)


def test_requirement_that_never_gets_ready(lab):
    db = lab.server("db", mode="refuses")
    d = service("db", start=db.argv, ready="port", start_timeout="300ms",
                backoff="100ms..100ms",
                tcp={"port": {"address": db.address}})
    web, w = begin(lab, "web", requires="db")
    dw = lab.daemonwatch(d, w).start_foreground()
    db.wait_starts(3)
    s = dw.service("web")
    assert s["state"] == "waiting" and web.count() == 0
    assert s["cause"] == "waits for db, which is not up yet"
    assert len(dw.events("web")) == 1, "it is said once"


def test_requirement_that_has_failed(lab):
    db = lab.server("db", args=["-t", 0, "-x", 1])
    d = service("db", start=db.argv, ready="port", backoff="10ms..10ms",
                give_up="2 in 10m", tcp={"port": {"address": db.address}})
    web, w = begin(lab, "web", requires="db")
    dw = lab.daemonwatch(d, w)
    lab.may_leave = True
    # It does not wait for ever for the first start of web.
    assert dw.cli("start").rc == 0
    dw.wait_state("db", "failed")
    wait_for(lambda: dw.service("web")["cause"] ==
             "waits for db, which has failed", "the cause")
    assert web.count() == 0
    assert dw.cli("stop").rc == 0


def test_after_waits_for_the_outcome_only(lab):
    bad = lab.server("bad", mode="refuses")
    b = service("bad", start=bad.argv, ready="port", start_timeout="400ms",
                backoff="5s..5s", tcp={"port": {"address": bad.address}})
    web, w = begin(lab, "web", after="{bad}")
    dw = lab.daemonwatch(w, b).start_foreground()
    bad.wait_starts(1)
    dw.wait_up("web")
    assert when(web, "start") > when(bad, "start") + 300e6
    assert dw.events("web", to="waiting")[0].cause == \
        "waits for bad, which is not up yet"


def test_what_ran_before_is_left_alone(lab):
    # Its requirement is down when daemonwatch comes: that is no reason to
    # stop anything.
    web = lab.server("web", style="daemon")
    pid = web.run()
    db = lab.server("db", mode="refuses")
    d = service("db", start=db.argv, ready="port", start_timeout="300ms",
                tcp={"port": {"address": db.address}})
    w = service("web", type="detached", pidfile=web.pidfile, start=web.argv,
                requires="db", on_exit="stop")
    dw = lab.daemonwatch(d, w).start_foreground()
    db.wait_starts(2)
    dw.wait_state("web", "up")
    assert alive(pid) and web.count() == 1
    kill_and_wait(pid)
    dw.wait_state("web", "waiting")
    assert web.count() == 1


def test_exit_stops_in_reverse(lab):
    db, d = begin(lab, "db")
    web, w = begin(lab, "web", requires="db")
    last, z = begin(lab, "last", after="web")
    dw = lab.daemonwatch(d, w, z).start_foreground()
    dw.wait_up("web", "db", "last")
    assert dw.terminate() == 0
    assert when(last, "term") < when(web, "term") < when(db, "term")


def test_stubborn_dependent_is_waited_for(lab):
    db, d = begin(lab, "db")
    web = lab.server("web", args=["-I"])
    w = service("web", start=web.argv, requires="db", stop_timeout="400ms")
    dw = lab.daemonwatch(d, w).start_foreground()
    web.wait_serving()
    dw.wait_up("web", "db")
    pid = web.pid
    assert dw.cli("stop", "-w", "db").rc == 0
    assert not alive(pid)
    assert when(db, "term") > when(web, "term") + 300e6


def test_cycle_is_refused_with_its_places(lab):
    dw = lab.daemonwatch(
        service("a", start='"x"', requires="b"),
        service("b", start='"x"', after="c"),
        service("c", start='"x"', requires="a"))
    r = dw.cli("check")
    assert r.rc == 1
    assert re.search(r"dw.conf:\d+:\d+: services wait for each other: "
                     r"a requires b \(line \d+\), b comes after c "
                     r"\(line \d+\), c requires a \(line \d+\)", r.both)
    assert dw.cli("run").rc == 78


@pytest.mark.bound(60)
def test_many_that_require_one(lab):
    db, d = begin(lab, "db")
    n = 300
    dw = lab.daemonwatch(d, *(
        service(f"s{i}", start=["/bin/sleep", f"{1000 + i}"], requires="db")
        for i in range(n))).start_foreground()
    names = [f"s{i}" for i in range(n)]
    dw.wait_up("db", *names, timeout=20)
    kill_and_wait(db.pid)
    wait_for(lambda: all(s["state"] == "up" and s["restarts"] == 1
                         for s in dw.status()["services"]), "all again", 20)
