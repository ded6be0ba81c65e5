# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Real servers, as Debian packages them: redis-server as a child, nginx making
# itself a daemon with a pidfile, memcached from a script and found by pattern.

import os
import pwd
import signal
import socket

import pytest

from harness import (alive, answers, kill, kill_and_wait, program, service, stat_of,
                     wait_for)


def ask(port, question):
    with socket.create_connection(("127.0.0.1", port), 2) as s:
        s.sendall(question)
        return s.recv(1000)


# -- redis

@pytest.fixture
def redis(lab):
    path = program("redis-server")
    port = lab.port()
    home = lab.path("redis")
    os.mkdir(home)
    os.chmod(home, 0o777)
    keys = {"user": "nobody"} if os.getuid() == 0 else {}
    dw = lab.daemonwatch(service(
        "redis", start=[path, "--port", port, "--bind", "127.0.0.1",
                        "--save", "", "--dir", home],
        ready="port", log=f'"{lab.path("redis.log")}"',
        backoff="100ms..30s",
        tcp={"port": {"address": f"127.0.0.1:{port}", "send": '"PING\\r\\n"',
                      "expect": "'^\\+PONG'", "interval": "400ms",
                      "timeout": "400ms", "fall": 3}}, **keys))
    dw.start_foreground()
    dw.wait_up("redis")
    dw.port = port
    return dw


def test_redis_is_up_when_it_answers(redis):
    assert ask(redis.port, b"PING\r\n") == b"+PONG\r\n"
    pid, = redis.service("redis")["pids"]
    if os.getuid() == 0:
        assert os.stat(f"/proc/{pid}").st_uid == pwd.getpwnam("nobody").pw_uid
    assert redis.terminate() == 0
    assert not alive(pid) and not answers(redis.port)


def wait_new(dw, name, old):
    def look():
        s = dw.service(name)
        return s["state"] == "up" and s["pids"] and old not in s["pids"]
    wait_for(look, f"another {name}", 20)


def test_redis_killed(redis):
    pid, = redis.service("redis")["pids"]
    kill_and_wait(pid)
    wait_new(redis, "redis", pid)
    assert ask(redis.port, b"PING\r\n") == b"+PONG\r\n"
    assert redis.service("redis")["restarts"] == 1


def test_redis_hung(redis):
    # Stopped, it still accepts by the kernel's hand; only its answer tells.
    pid, = redis.service("redis")["pids"]
    kill(pid, signal.SIGSTOP)
    assert answers(redis.port)
    redis.wait_event("redis", frm="up", to="failing")
    wait_new(redis, "redis", pid)
    assert not alive(pid)
    assert ask(redis.port, b"PING\r\n") == b"+PONG\r\n"


# -- nginx

NGINX = """
worker_processes 2;
pid {home}/nginx.pid;
error_log {home}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {home}/t1;
    proxy_temp_path {home}/t2;
    fastcgi_temp_path {home}/t3;
    uwsgi_temp_path {home}/t4;
    scgi_temp_path {home}/t5;
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 200 "hello\\n"; }}
    }}
}}
"""


@pytest.fixture
def nginx(lab):
    path = program("nginx")
    port = lab.port()
    home = lab.path("nginx")
    os.mkdir(home)
    conf = lab.write("nginx/nginx.conf", NGINX.format(home=home, port=port))
    # kill -9 of the master leaves its workers, which hold the port; they are
    # of its session, and the pidfile still names it.
    before = lab.script("before.sh", f"test ! -e {home}/nginx.pid || "
                        f"pkill -KILL -s $(cat {home}/nginx.pid) || true")
    dw = lab.daemonwatch(service(
        "nginx", type="detached", before_start=[before], start=[path, "-c", conf, "-p", home],
        pidfile=f'"{home}/nginx.pid"', on_exit="stop", ready="port",
        stop_signal="QUIT", backoff="100ms..1s",
        tcp={"port": {"address": f"127.0.0.1:{port}",
                      "send": '"GET / HTTP/1.0\\r\\n\\r\\n"',
                      "expect": "'^HTTP/1\\.[01] 200'", "interval": "1s",
                      "timeout": "1s"}}))
    dw.start_foreground()
    dw.wait_up("nginx")
    dw.port, dw.home, dw.argv0 = port, home, path
    return dw


def workers(lab, master):
    return [p for p in lab.marked()
            if (s := stat_of(p)) is not None and s["ppid"] == master]


def test_nginx_daemonizes_and_is_found(nginx, lab):
    pid, = nginx.service("nginx")["pids"]
    with open(f"{nginx.home}/nginx.pid", encoding="ascii") as f:
        assert int(f.read()) == pid
    assert b"200" in ask(nginx.port, b"GET / HTTP/1.0\r\n\r\n")
    assert nginx.terminate() == 0
    assert not alive(pid) and not answers(nginx.port)


def test_nginx_master_killed(nginx, lab):
    pid, = nginx.service("nginx")["pids"]
    old = workers(lab, pid)
    assert len(old) == 2
    kill_and_wait(pid)
    wait_new(nginx, "nginx", pid)
    assert not any(alive(p) for p in old)
    assert b"200" in ask(nginx.port, b"GET / HTTP/1.0\r\n\r\n")


def test_nginx_quits_by_itself(nginx, lab):
    pid, = nginx.service("nginx")["pids"]
    kill_and_wait(pid, signal.SIGQUIT)
    wait_new(nginx, "nginx", pid)
    assert nginx.service("nginx")["restarts"] >= 1


def test_nginx_reload_is_no_restart(nginx, lab):
    pid, = nginx.service("nginx")["pids"]
    old = set(workers(lab, pid))
    kill(pid, signal.SIGHUP)
    wait_for(lambda: (new := set(workers(lab, pid))) and not new & old,
             "new workers")
    assert nginx.service("nginx")["pids"] == [pid]
    assert nginx.state("nginx") == "up"


def test_nginx_is_adopted(nginx, lab):
    pid, = nginx.service("nginx")["pids"]
    nginx.kill9()
    assert alive(pid)
    nginx.start_foreground()
    nginx.wait_up("nginx")
    assert nginx.service("nginx")["pids"] == [pid]


# -- memcached

@pytest.fixture
def memcached(lab):
    path = program("memcached")
    port = lab.port()
    user = "-u nobody" if os.getuid() == 0 else ""
    script = lab.script(
        "start-memcached.sh",
        f"nohup {path} -l 127.0.0.1 -p {port} -U 0 -m 16 -t 1 {user} "
        f">{lab.path('memcached.log')} 2>&1 </dev/null &")
    dw = lab.daemonwatch(service(
        "cache", type="detached", start=[script], count=1, on_exit="stop",
        match=f"'^{path} .*-p {port}( |$)'",
        tcp={"port": {"address": f"127.0.0.1:{port}",
                      "send": '"version\\r\\n"', "expect": "'^VERSION'",
                      "interval": "500ms", "timeout": "500ms"}},
        restart_when="not process and not port", interval="1s"))
    dw.start_foreground()
    dw.wait_up("cache")
    wait_for(lambda: dw.check("cache", "port")["state"] == "ok",
             "memcached answering")
    dw.port = port
    return dw


def test_memcached_by_script_and_pattern(memcached):
    pid, = memcached.service("cache")["pids"]
    assert ask(memcached.port, b"version\r\n").startswith(b"VERSION")
    kill_and_wait(pid)
    wait_new(memcached, "cache", pid)
    wait_for(lambda: answers(memcached.port), "memcached answering")
    pid, = memcached.service("cache")["pids"]
    assert memcached.terminate() == 0
    assert not alive(pid)


def test_memcached_hung_is_left_alone_by_that_rule(memcached):
    # Process alive, port failing: `not process and not port` is not met.
    pid, = memcached.service("cache")["pids"]
    kill(pid, signal.SIGSTOP)
    memcached.wait_state("cache", "failing")
    assert alive(pid)
    kill(pid, signal.SIGCONT)
    memcached.wait_up("cache")
    assert memcached.service("cache")["pids"] == [pid]
