# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Checks of local sockets and by datagrams, on real servers.

import os
import signal

import pytest

from harness import alive, kill, kill_and_wait, program, service, wait_for


@pytest.fixture
def redis(lab):
    """A redis that nobody can reach but by its socket."""
    sock = lab.path("open", "redis.sock")
    os.makedirs(os.path.dirname(sock), exist_ok=True)
    dw = lab.daemonwatch(service(
        "redis", start=[program("redis-server"), "--port", "0",
                        "--unixsocket", sock, "--unixsocketperm", "777",
                        "--save", "", "--dir", lab.path("open")],
        ready="sock", log=f'"{lab.path("redis.log")}"',
        unix={"sock": {"path": f'"{sock}"', "send": '"PING\\r\\n"',
                       "expect": "'^\\+PONG'", "interval": "300ms",
                       "timeout": "300ms"}})).start_foreground()
    dw.sock = sock
    return dw


def test_redis_by_its_socket(redis):
    redis.wait_up("redis")
    c = redis.check("redis", "sock")
    assert c["kind"] == "unix" and c["state"] == "ok"
    assert c["text"] == f"{redis.sock} answered"


def test_a_hung_redis_is_found_by_its_socket(redis):
    redis.wait_up("redis")
    pid, = redis.service("redis")["pids"]
    kill(pid, signal.SIGSTOP)
    redis.wait_event("redis", frm="up", to="failing")
    redis.wait_event("redis", to="up", n=2)
    assert not alive(pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="root may write to anything")
def test_a_socket_closed_to_the_prober_is_unknown(redis):
    redis.wait_up("redis")
    pid, = redis.service("redis")["pids"]
    os.chmod(redis.sock, 0o700)
    wait_for(lambda: "Permission denied" in
             redis.check("redis", "sock")["text"], "that it is not allowed")
    assert redis.state("redis") == "up"
    assert redis.service("redis")["pids"] == [pid]


def test_memcached_by_datagrams(lab):
    port = lab.port()
    argv = [program("memcached"), "-l", "127.0.0.1", "-p", "0", "-U", port,
            "-m", "16", "-t", "1"]
    if os.geteuid() == 0:
        argv += ["-u", "nobody"]
    dw = lab.daemonwatch(service(
        "cache", start=argv, ready="port",
        # The frame: request 1, datagram 0 of 1.
        udp={"port": {"address": f"127.0.0.1:{port}", "source": "127.0.0.1",
                      "send": '"\\x00\\x01\\0\\0\\x00\\x01\\0\\0version\\r\\n"',
                      "expect": "VERSION", "interval": "300ms",
                      "timeout": "300ms"}})).start_foreground()
    dw.wait_up("cache")
    assert dw.check("cache", "port")["kind"] == "udp"
    pid, = dw.service("cache")["pids"]
    kill(pid, signal.SIGSTOP)
    dw.wait_event("cache", frm="up", to="failing")
    dw.wait_event("cache", to="up", n=2)
    assert not alive(pid)
    pid, = dw.service("cache")["pids"]
    kill_and_wait(pid)
    dw.wait_event("cache", to="up", n=3)
