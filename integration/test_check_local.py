# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Checks that ask this machine: who listens, what processes use, files, space.

import os
import signal
import socket

import pytest

from harness import alive, kill, service, wait_for

QUICK = {"interval": "100ms"}


def up(lab, server, kind, keys, *more, restart_when="not process", **service_keys):
    dw = lab.daemonwatch(
        service("web", start=server.argv, restart_when=restart_when,
                **{kind: {"asked": {**QUICK, **keys}}}, **service_keys),
        *more).start_foreground()
    server.wait_serving()
    dw.wait_up("web")
    return dw


def wait_check(dw, state, text="", check="asked"):
    def look():
        c = dw.check("web", check)
        return c["state"] == state and text in c["text"]
    wait_for(look, f"the check {state}, {text!r}")
    return dw.check("web", check)


# -- listen

@pytest.mark.parametrize("where", ["address", "port", "any"])
def test_listening(lab, where):
    server = lab.server()
    port = server.address.rsplit(":", 1)[1]
    keys = {"address": {"address": server.address},
            "port": {"port": port},
            "any": {"address": f"127.0.0.1:{port}", "owner": "service"}}[where]
    dw = up(lab, server, "listen", keys)
    wait_check(dw, "ok", "listens")
    # Nobody ever connected.
    assert server.count("conn") == 0


def test_no_longer_listening(lab):
    server = lab.server()
    dw = up(lab, server, "listen", {"address": server.address})
    wait_check(dw, "ok")
    server.set_mode("refuses")
    wait_check(dw, "failed", "nobody listens")
    assert dw.state("web") in ("failing", "up") and server.count() == 1


def test_another_address_is_not_that_one(lab):
    server = lab.server()
    port = server.address.rsplit(":", 1)[1]
    dw = up(lab, server, "listen", {"address": f"127.0.0.2:{port}"},
            start_timeout="200ms")
    wait_check(dw, "failed", "nobody listens")


def test_a_server_that_no_longer_accepts(lab):
    """Stopped, its queue fills; nobody need connect to find out."""
    server = lab.server()
    dw = up(lab, server, "listen", {"address": server.address},
            restart_when="not process or asked.failed")
    wait_check(dw, "ok")
    pid = server.pid
    kill(pid, signal.SIGSTOP)
    host, port = server.address.rsplit(":", 1)
    clients = []
    for _ in range(200):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex((host, int(port)))
        clients.append(s)
    dw.wait_said("its queue is full")
    for s in clients:
        s.close()
    server.wait_serving(2)
    assert not alive(pid)


def test_somebody_else_has_the_port(lab):
    port = lab.listener()
    server = lab.server()
    dw = up(lab, server, "listen",
            {"address": f"127.0.0.1:{port.port}", "owner": "service"},
            start_timeout="200ms")
    wait_check(dw, "failed", "another process has the socket")
    port.close()


# -- process

def test_what_a_process_uses(lab):
    server = lab.server()
    dw = up(lab, server, "process",
            {"memory": '"> 1G"', "cpu": '"> 99%"', "descriptors": '"> 100"',
             "threads": '"> 50"', "children": '"> 50"', "uptime": '"> 1d"',
             "count": '"> 1"'})
    c = wait_check(dw, "ok", "memory")
    m = dict(x.split("=") for x in c["metrics"].split())
    assert m["count"] == "1" and m["threads"] == "1" and m["children"] == "0"
    assert int(m["memory"].rstrip("B")) > 100000
    assert int(m["descriptors"]) == len(os.listdir(f"/proc/{server.pid}/fd"))


def test_memory_that_grows_restarts(lab):
    script = lab.script("grow", """
test -e grown && exec sleep 1000
: >grown
exec python3 -c "
x = bytearray(64 << 20)
import time
time.sleep(1000)"
""")
    dw = lab.daemonwatch(
        service("web", start=[script], cwd=lab.path(),
                process={"asked": {**QUICK, "memory": '"> 60M for 200ms"'}},
                restart_when="not process or asked.failed")
    ).start_foreground()
    dw.wait_said("web.*asked: memory [6-9][0-9.]+M .> 60M for 200ms")
    dw.wait_event("web", to="up", n=2)
    wait_check(dw, "ok")
    assert dw.service("web")["restarts"] == 1


def test_busy_children_count_for_the_service(lab):
    script = lab.script("busy", """
(while :; do :; done) &
wait
""")
    dw = lab.daemonwatch(
        service("web", start=[script], restart_when="not process",
                process={"asked": {"interval": "500ms", "fall": 1,
                                   "cpu": '"> 20% for 1s"',
                                   "children": '"< 1"'}})
    ).start_foreground()
    dw.wait_up("web")
    c = wait_check(dw, "failed", "cpu")
    m = dict(x.split("=") for x in c["metrics"].split())
    assert m["children"] == "1"


# -- file and space

def test_file(lab):
    stamp = lab.write("open/stamp", "x")
    os.chmod(lab.path("open"), 0o755)
    server = lab.server()
    dw = up(lab, server, "file", {"path": f'"{stamp}"', "age": '"> 1h"',
                                  "size": '"> 10"'})
    c = wait_check(dw, "ok", stamp)
    assert "size=1B" in c["metrics"]
    lab.write("open/stamp", "x" * 11)
    wait_check(dw, "failed", "size 11 (> 10)")
    lab.write("open/stamp", "x")
    wait_check(dw, "ok")
    os.utime(stamp, (1000, 1000))
    wait_check(dw, "failed", "age ")
    os.unlink(stamp)
    wait_check(dw, "failed", "No such file")
    assert server.count() == 1


def test_file_that_should_not_be_there(lab):
    flag = lab.path("open", "flag")
    os.makedirs(os.path.dirname(flag), exist_ok=True)
    server = lab.server()
    dw = up(lab, server, "file", {"path": f'"{flag}"', "exists": "no"})
    wait_check(dw, "ok", "is not there")
    lab.write("open/flag", "")
    wait_check(dw, "failed", "is there")


@pytest.mark.skipif(os.geteuid() != 0, reason="root sees everything")
def test_file_that_its_user_may_not_see_is_unknown(lab):
    secret = lab.write("closed/secret", "x")
    os.chmod(os.path.dirname(secret), 0o700)
    server = lab.server()
    dw = up(lab, server, "file", {"path": f'"{secret}"', "user": "nobody"})
    dw.wait_said("asked: unknown: .*Permission denied")
    assert dw.state("web") == "up"


@pytest.mark.parametrize("limit,state", [("< 1", "ok"), ("< 100%", "failed"),
                                         ("< 8000T", "failed")])
def test_space(lab, limit, state):
    server = lab.server()
    dw = up(lab, server, "space", {"path": "/", "free": f'"{limit}"',
                                   "inodes": '"< 1"'},
            start_timeout="200ms")
    c = wait_check(dw, state)
    assert "free=" in c["metrics"] and "inodes=" in c["metrics"]


# -- one for each bug found by reading; each is named after its bug

def starts(path):
    try:
        with open(path, encoding="ascii") as f:
            return [int(t) / 1e9 for t in f.read().split()]
    except FileNotFoundError:
        return []


def test_for_of_a_limit_counted_the_time_of_the_last_run(lab):
    path = lab.path("open/starts")
    script = lab.script("noting", f"date +%s%N >>{path}\nexec sleep 1000")
    lab.daemonwatch(service(
        "web", start=[script], backoff="0s",
        process={"asked": {"interval": "100ms",
                           "threads": '"> 0 for 1s"'}})).start_foreground()
    wait_for(lambda: len(starts(path)) >= 3, "three runs")
    began = starts(path)
    # Each was well for a second.
    assert began[2] - began[1] > 0.9


def test_mapped_address_was_not_the_one_it_maps(lab):
    server = lab.server()
    port = server.address.rsplit(":", 1)[1]
    dw = up(lab, server, "listen", {"address": f"[::ffff:127.0.0.1]:{port}"})
    wait_check(dw, "ok", "listens")
