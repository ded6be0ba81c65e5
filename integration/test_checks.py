# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Checks of the network, the prober that makes them, and what they decide.

import contextlib
import os
import pwd
import shutil
import signal
import subprocess

import pytest

import harness
from harness import (alive, fds_of, have_ipv6, kill, kill_and_wait, service,
                     status_of, wait_for)

# Not less: a busy machine may be slow to answer, and may not be blamed.
QUICK = {"interval": "200ms"}
PING = {"send": '"PING\\r\\n"', "expect": "'^\\+PONG'"}


def check(server, **keys):
    keys = {**QUICK, **keys}
    # A timeout may not be longer than the interval.
    keys.setdefault("timeout", keys["interval"])
    return {"port": {"address": server.address, **keys}}


def ready_up(lab, server, *more, tcp=None, **keys):
    """daemonwatch with this server up and its check answered."""
    dw = lab.daemonwatch(
        service("web", start=server.argv, tcp=tcp or check(server),
                ready="port", stop_timeout="1s",
                **{"backoff": "50ms..100ms", **keys}),
        *more).start_foreground()
    server.wait_serving()
    dw.wait_up("web")
    return dw


def test_up_once_the_port_answers(lab):
    server = lab.server(args=["-D", 600])
    dw = ready_up(lab, server)
    c = dw.check("web", "port")
    assert c["kind"] == "tcp" and c["state"] == "ok"
    assert 0 <= c["latency_ms"] <= 200
    # It was not up before its port was.
    served = [l[2] for l in server.lines("mode")][0]
    first = server.lines("conn")[0][2]
    assert first > served and server.count() == 1


@pytest.mark.parametrize("mode", ["refuses", "full"])
def test_port_dead_on_a_live_process(lab, mode):
    server = lab.server()
    dw = ready_up(lab, server)
    pid = server.pid
    server.set_mode(mode)
    dw.wait_event("web", frm="up", to="failing")
    server.wait_serving(2)
    assert not alive(pid)
    dw.wait_up("web")
    assert server.count() == 2
    dw.wait_said("web.*port.*" + ("refused" if mode == "refuses"
                                  else "no answer within"))


@pytest.mark.parametrize("mode", ["silent", "closes", "resets", "floods",
                                  "trickles"])
def test_accepts_but_does_not_answer(lab, mode):
    server = lab.server()
    dw = ready_up(lab, server, tcp=check(server, **PING))
    pid = server.pid
    server.set_mode(mode)
    dw.wait_event("web", frm="up", to="failing")
    server.wait_serving(2)
    assert not alive(pid)
    dw.wait_up("web")
    assert server.count() == 2


def test_a_wrong_answer(lab):
    server = lab.server(args=["-A", "-ERR no\r\n"])
    dw = lab.daemonwatch(
        service("web", start=server.argv, tcp=check(server, **PING),
                restart_when="not process", start_timeout="500ms")
    ).start_foreground()
    server.wait_serving()
    # It was never right, so it counts once the start's time is over.
    wait_for(lambda: dw.check("web", "port")["state"] == "failed",
             "the wrong answer noticed")
    assert "ERR no" in dw.check("web", "port")["text"]


def test_without_expect_accepting_is_enough(lab):
    server = lab.server(mode="silent")
    dw = ready_up(lab, server)
    n = server.count("conn")
    wait_for(lambda: server.count("conn") > n + 5, "five more checks")
    assert dw.state("web") == "up" and server.count() == 1


def test_a_hung_server_is_found_by_expect(lab):
    server = lab.server()
    dw = ready_up(lab, server, tcp=check(server, **PING))
    pid = server.pid
    kill(pid, signal.SIGSTOP)   # the kernel goes on accepting for it
    server.wait_serving(2)
    assert not alive(pid)
    dw.wait_up("web")


def test_fall_is_counted(lab):
    server = lab.server()
    ready_up(lab, server, tcp=check(server, fall=4, **PING))
    server.set_mode("closes")
    at = server.lines("mode")[-1][2]
    server.wait_serving(2)
    term = server.lines("term")[0][2]
    asked = [l for l in server.lines("conn") if at < l[2] < term]
    # One check may have been under way when the mode changed.
    assert 4 <= len(asked) <= 5, asked


def test_flapping_below_fall_is_no_reason_to_restart(lab):
    server = lab.server()
    dw = ready_up(lab, server,
                  tcp=check(server, fall=1000, interval="20ms"))
    server.set_mode("flaps")
    dw.wait_event("web", frm="up", to="failing", n=2)
    dw.wait_event("web", frm="failing", to="up", n=2)
    assert server.count() == 1 and dw.service("web")["restarts"] == 0


def test_rise_is_counted(lab):
    server = lab.server()
    dw = ready_up(lab, server, restart_when="not process",
                  tcp=check(server, fall=2, rise=4, **PING))
    server.set_mode("closes")
    wait_for(lambda: dw.check("web", "port")["state"] == "failed", "failed")
    server.set_mode("answers")
    at = server.lines("mode")[-1][2]
    dw.wait_event("web", frm="failing", to="up")
    asked = [l for l in server.lines("conn") if l[2] > at]
    assert len(asked) >= 4, asked


def test_checks_do_not_count_before_ready(lab):
    # Deaf for 1.5 s while a check each 50 ms would have failed 30 times.
    server = lab.server(args=["-D", 1500])
    dw = ready_up(lab, server, start_timeout="30s",
                  tcp=check(server, interval="50ms", timeout="50ms", fall=1),
                  restart_when="not process or port.failed")
    assert server.count() == 1 and dw.service("web")["restarts"] == 0
    assert not dw.events("web", to="failing")


def test_never_ready_is_over_at_start_timeout(lab):
    server = lab.server(mode="refuses")
    dw = lab.daemonwatch(
        service("web", start=server.argv, tcp=check(server), ready="port",
                start_timeout="500ms", stop_timeout="1s",
                backoff="50ms..100ms")).start_foreground()
    server.wait_starts(3)
    starts = server.starts()
    assert starts[1][2] - starts[0][2] > 400e6
    assert not dw.events("web", to="up")
    wait_for(lambda: not alive(starts[0][1]), "the first one ended")


def test_the_rule_is_the_configurations(lab):
    # With `not process` a dead port alone is only reported.
    server = lab.server()
    dw = ready_up(lab, server, restart_when="not process",
                  tcp=check(server, fall=1))
    server.set_mode("refuses")
    dw.wait_state("web", "failing")
    assert server.count() == 1
    server.set_mode("answers")
    dw.wait_up("web")
    kill_and_wait(server.pid)
    server.wait_serving(2)


def test_two_checks_and_a_rule(lab):
    a, b = lab.listener(), lab.listener()
    server = lab.server(port=0, mode="refuses")
    tcp = {name: {"address": f"127.0.0.1:{l.port}", **QUICK, "fall": 2}
           for name, l in (("a", a), ("b", b))}
    dw = lab.daemonwatch(
        service("web", start=server.argv, tcp=tcp, stop_timeout="1s",
                backoff="50ms..100ms",
                restart_when="not process or (a.failed and b.failed)")
    ).start_foreground()
    server.wait_serving()
    wait_for(lambda: all(c["state"] == "ok"
                         for c in dw.service("web")["checks"]), "both ok")
    a.close()
    wait_for(lambda: dw.check("web", "a")["state"] == "failed", "a failed")
    b.wait_more(5)
    assert server.count() == 1
    b.close()
    server.wait_starts(2)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_addresses(lab, host):
    if host == "::1" and not have_ipv6():
        pytest.skip("no IPv6 on this machine")
    server = lab.server(args=["-a", "::1"] if host == "::1" else [])
    address = (f"[::1]:{server.port}" if host == "::1"
               else f"{host}:{server.port}")
    dw = ready_up(lab, server, tcp={"port": {"address": address, **QUICK}})
    assert dw.check("web", "port")["state"] == "ok"


def test_a_name_that_does_not_exist(lab):
    server = lab.server()
    dw = lab.daemonwatch(
        service("web", start=server.argv, restart_when="not process",
                tcp={"port": {"address": "no-such-host.invalid:80", **QUICK}})
    ).start_foreground()
    server.wait_serving()
    wait_for(lambda: dw.check("web", "port")["state"] != "ok"
             and dw.check("web", "port")["text"], "an answer about the name")
    assert "no-such-host.invalid" in dw.check("web", "port")["text"]
    assert alive(server.pid)


def test_a_blackholed_port_makes_no_other_check_late(lab):
    hole = lab.server("hole", mode="full")
    hole.run()
    lab.may_leave = True
    server = lab.server()
    dw = ready_up(
        lab, server,
        *[service(f"deaf{n}", start=["/bin/sleep", "1000"],
                  restart_when="not process",
                  tcp={"hole": {"address": hole.address, "interval": "3s",
                                "timeout": "3s"}}) for n in range(20)],
        tcp=check(server, interval="50ms"))
    n = server.count("conn")
    wait_for(lambda: server.count("conn") >= n + 30, "thirty more checks")
    times = [l[2] for l in server.lines("conn")][n:]
    gaps = sorted(b - a for a, b in zip(times, times[1:]))
    # One deaf port would have taken three seconds.
    assert gaps[-1] < 1e9 * harness.SLOW, gaps[-5:]
    assert dw.state("web") == "up"


def test_prober_killed(lab):
    server = lab.server()
    dw = ready_up(lab, server, tcp=check(server, fall=1, interval="500ms", **PING))
    old, = dw.prober_pids()
    for _ in range(3):
        prober, = wait_for(dw.prober_pids, "a prober")
        kill_and_wait(prober)
        n = server.count("conn")
        wait_for(lambda: server.count("conn") >= n + 3, "checks go on")
    assert dw.prober_pids() != [old]
    assert server.count() == 1 and dw.state("web") == "up"
    assert not dw.events("web", to="failing")
    assert dw.said("prober")


def test_prober_hung(lab):
    server = lab.server()
    dw = ready_up(lab, server, tcp=check(server, fall=1, interval="500ms", **PING))
    prober, = dw.prober_pids()
    kill(prober, signal.SIGSTOP)
    # Unknown, never failing; then another prober.
    n = server.count("conn")
    wait_for(lambda: dw.check("web", "port")["state"] == "unknown"
             or server.count("conn") > n + 3, "unknown or asked again", 20)
    wait_for(lambda: server.count("conn") > n + 3, "checks go on", 30)
    assert not alive(prober) and dw.prober_pids() != [prober]
    assert server.count() == 1 and dw.state("web") == "up"
    assert not dw.events("web", to="failing")


def test_prober_missing(lab):
    empty = lab.path("empty")
    os.mkdir(empty)
    lab.env["DAEMONWATCH_LIBEXECDIR"] = empty
    server = lab.server()
    dw = lab.daemonwatch(
        service("web", start=server.argv, tcp=check(server, fall=1),
                backoff="50ms..100ms")).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    dw.wait_said("prober.*No such file")
    assert dw.check("web", "port")["state"] == "unknown"
    # The process is watched all the same.
    kill_and_wait(pid)
    server.wait_serving(2)
    dw.wait_up("web")
    assert server.count() == 2


def test_prober_comes_back_after_it_was_missing(lab):
    place = lab.path("libexec")
    os.mkdir(place)
    lab.env["DAEMONWATCH_LIBEXECDIR"] = place
    server = lab.server()
    dw = lab.daemonwatch(
        service("web", start=server.argv, tcp=check(server))
    ).start_foreground()
    server.wait_serving()
    dw.wait_said("prober.*No such file")
    shutil.copy(os.path.join(lab.session.libexecdir, "daemonwatch-prober"),
                place)
    wait_for(lambda: dw.check("web", "port")["state"] == "ok",
             "the check answered", 40)
    assert server.count() == 1


@pytest.mark.root
def test_prober_has_no_privileges(lab):
    server = lab.server()
    dw = ready_up(lab, server)
    prober, = dw.prober_pids()
    s = status_of(prober)
    nobody = pwd.getpwnam("nobody")
    assert set(map(int, s["Uid"].split())) == {nobody.pw_uid}
    assert 0 not in set(map(int, s["Gid"].split()))
    assert 0 not in set(map(int, s["Groups"].split()))
    assert s["NoNewPrivs"].strip() == "1"
    assert int(s["CapEff"], 16) == int(s["CapPrm"], 16) == 0
    # Nothing of daemonwatch's is open in it but its own line.
    mine = {v for v in fds_of(dw.pid).values() if v.startswith("/")
            and not v.startswith("/dev/")}
    assert not mine & set(fds_of(prober).values())


def test_prober_ends_with_daemonwatch(lab):
    server = lab.server()
    lab.may_leave = True
    dw = ready_up(lab, server)
    prober, = dw.prober_pids()
    dw.kill9()
    wait_for(lambda: not alive(prober), "the prober's end")


def internet_inodes():
    found = set()
    for name in ("tcp", "tcp6", "udp", "udp6"):
        with contextlib.suppress(OSError):
            with open(f"/proc/net/{name}", encoding="ascii") as f:
                found |= {l.split()[9] for l in list(f)[1:]}
    return {f"socket:[{inode}]" for inode in found}


def test_the_supervisor_never_touches_the_network(lab):
    server = lab.server()
    dw = ready_up(lab, server, tcp=check(server, interval="20ms"))
    n = server.count("conn")

    def look():
        assert not internet_inodes() & set(fds_of(dw.pid).values())
        return server.count("conn") > n + 50
    wait_for(look, "fifty checks")


def test_no_check_no_prober(lab):
    server = lab.server()
    dw = lab.daemonwatch(service("web", start=server.argv)).start_foreground()
    server.wait_serving()
    dw.wait_up("web")
    assert dw.prober_pids() == []


NET_SETUP = """
ip link set lo up
echo {port} {port} >/proc/sys/net/ipv4/ip_local_port_range
exec "$@"
"""


@pytest.mark.root
def test_a_connection_to_itself_is_no_server(lab):
    # A TCP connect to a dead port of the ephemeral range may be given that
    # very port as its own, and then it connects to itself.  With a range of
    # one port it always does.
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("needs unshare(1) and ip(8)")
    port = lab.port()
    setup = lab.script("net.sh", NET_SETUP.format(port=port))
    if subprocess.run(["unshare", "-n", setup, "true"], env=lab.env,
                      stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("no network namespace to be had here")
    probe = ("import socket\n"
             f"socket.create_connection(('127.0.0.1', {port}))")
    fooled = subprocess.run(["unshare", "-n", setup, "/usr/bin/python3",
                             "-c", probe], env=lab.env, capture_output=True)
    assert fooled.returncode == 0, "the trap does not work"
    server = lab.server(port=0, mode="refuses")
    dw = lab.daemonwatch(
        service("web", start=server.argv, restart_when="not process",
                start_timeout="500ms",
                tcp={"port": {"address": f"127.0.0.1:{port}", **QUICK}}))
    dw.prefix = ["unshare", "-n", setup]
    dw.start_foreground()
    server.wait_serving()
    c = wait_for(lambda: (c := dw.check("web", "port"))["state"] != "unknown"
                 and c, "an answer")
    assert c["state"] == "failed", c


def test_death_asks_the_port_at_once(lab):
    # The next turn would be in an hour; the rule needs the port's word now.
    port = lab.listener()
    server = lab.server(port=0, mode="refuses")
    dw = lab.daemonwatch(
        service("web", start=server.argv,
                restart_when="not process and not port",
                tcp={"port": {"address": f"127.0.0.1:{port.port}",
                              "interval": "1h", "timeout": "1s"}})
    ).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    n = port.count
    kill_and_wait(pid)
    wait_for(lambda: port.count > n, "the port asked")
    assert server.count() == 1
