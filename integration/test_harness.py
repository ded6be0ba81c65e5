# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# The tools of this suite do what the other tests take for granted.

import os
import signal
import socket
import subprocess

import pytest

import harness
from harness import alive, answers, kill_and_wait, stat_of, wait_for


def connect(server, timeout=1.0):
    return socket.create_connection(("127.0.0.1", server.port),
                                    timeout * harness.SLOW)


def test_answers(bare_lab):
    server = bare_lab.server()
    server.run()
    with connect(server) as s:
        s.sendall(b"PING\r\n")
        assert s.recv(100) == b"+PONG\r\n"
    wait_for(lambda: server.count("conn") == 1, "connection noted")


def test_refuses_but_lives(bare_lab):
    server = bare_lab.server(mode="refuses")
    pid = server.run()
    with pytest.raises(ConnectionRefusedError):
        connect(server)
    assert alive(pid)


@pytest.mark.parametrize("mode", ["silent", "full"])
def test_no_answer_within_the_deadline(bare_lab, mode):
    server = bare_lab.server(mode=mode)
    server.run()
    with pytest.raises(TimeoutError):
        # silent: connects, and nothing comes; full: does not even connect
        with connect(server, 0.3) as s:
            assert mode == "silent"
            s.sendall(b"PING\r\n")
            s.recv(1)


def test_resets(bare_lab):
    server = bare_lab.server(mode="resets")
    server.run()
    with pytest.raises(ConnectionResetError):
        with connect(server) as s:
            s.recv(1)


def test_closes_at_once(bare_lab):
    server = bare_lab.server(mode="closes")
    server.run()
    with connect(server) as s:
        assert s.recv(1) == b""


def test_dies_after_n(bare_lab):
    server = bare_lab.server(args=["-n", 3, "-x", 7])
    pid = server.run()
    for _ in range(3):
        connect(server).close()
    wait_for(lambda: not alive(pid), "its end")
    assert bare_lab.popens[0].wait() == 7


def test_flaps(bare_lab):
    server = bare_lab.server(mode="flaps", args=["-k", 50])
    server.run()
    wait_for(lambda: not answers(server.port), "down")
    wait_for(lambda: answers(server.port), "up again")
    wait_for(lambda: not answers(server.port), "down again")


def test_floods_and_trickles(bare_lab):
    server = bare_lab.server(mode="floods")
    server.run()
    with connect(server) as s:
        wait_for(lambda: len(s.recv(100000)) > 0, "bytes")
        server.set_mode("trickles")
    with connect(server) as s:
        assert len(s.recv(100000)) == 1


def test_mode_changes_at_run_time(bare_lab):
    server = bare_lab.server()
    pid = server.run()
    assert answers(server.port)
    server.set_mode("refuses")
    assert not answers(server.port)
    server.set_mode("answers")
    assert answers(server.port)
    assert alive(pid)


def test_makes_itself_a_daemon(bare_lab):
    bare_lab.may_leave = True
    server = bare_lab.server(style="daemon")
    pid = server.run()
    with open(server.pidfile, encoding="ascii") as f:
        assert int(f.read()) == pid
    s = stat_of(pid)
    assert s["sid"] not in (pid, os.getsid(0))
    assert s["ppid"] != os.getpid()
    assert answers(server.port)


def test_backgrounded_by_a_script(bare_lab):
    bare_lab.may_leave = True
    server = bare_lab.server(style="script")
    pid = server.run()
    assert answers(server.port)
    assert stat_of(pid)["ppid"] != os.getpid()


def test_ignores_term(bare_lab):
    bare_lab.may_leave = True
    server = bare_lab.server(args=["-I", "-g", 2])
    pid = server.run()
    harness.kill(pid, signal.SIGTERM)
    wait_for(lambda: server.count("term") == 1, "TERM noted")
    assert alive(pid)
    wait_for(lambda: server.count("grandchild") == 2, "grandchildren")
    group = {stat_of(l[1])["pgid"] for l in server.lines("grandchild")}
    assert group == {stat_of(pid)["pgid"]}


def test_start_log_counts_each_start(bare_lab):
    server = bare_lab.server()
    for n in (1, 2, 3):
        pid = server.run()
        assert server.count() == n
        kill_and_wait(pid)
        bare_lab.popens[-1].wait()
    pids = [l[1] for l in server.starts()]
    times = [l[2] for l in server.starts()]
    assert len(set(pids)) == 3 and times == sorted(times)


def test_marked_finds_what_is_ours_only(bare_lab):
    ours = bare_lab.server(style="daemon")
    pid = ours.run()
    other = subprocess.Popen(["sleep", "60"])
    try:
        assert bare_lab.marked() == [pid]
        said = bare_lab.end_marked()
        assert str(pid) in said
        assert not alive(pid)
        assert alive(other.pid)
    finally:
        other.kill()
        other.wait()


def test_ports_are_apart_and_not_ephemeral(bare_lab):
    ports = {bare_lab.port() for _ in range(20)}
    assert len(ports) == 20
    with open("/proc/sys/net/ipv4/ip_local_port_range",
              encoding="ascii") as f:
        low, high = map(int, f.read().split())
    assert all(not low <= p <= high for p in ports)


def test_wait_for_gives_up():
    with pytest.raises(harness.Unmet, match="pigs fly.*last answer: 0"):
        wait_for(lambda: 0, "pigs fly", 0.01)


def test_quote():
    assert harness.quote('a"b\\c\n') == '"a\\"b\\\\c\\n"'
    assert harness.value(["x", "y z"]) == '{"x", "y z"}'
    assert harness.service("s", start=["x"], stop_timeout="2s",
                           tcp={"p": {"address": "h:1"}}) == (
        'service s {\n    start = {"x"}\n    stop-timeout = 2s\n'
        "    tcp p {\n        address = h:1\n    }\n}\n")
