# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Listening sockets that daemonwatch opens and hands over, and keeps while the
# service is started again.

import contextlib
import grp
import json
import os
import pwd
import shutil
import socket
import stat
import sys
import threading

import pytest

from harness import (alive, answers, cmdline_of, environ_of, fds_of, have_ipv6,
                     kill_and_wait, service, wait_for)

SERVER = r"""
import json, os, select, socket, sys
fds = range(3, 3 + int(os.environ["LISTEN_FDS"]))
assert int(os.environ["LISTEN_PID"]) == os.getpid(), os.environ["LISTEN_PID"]
socks = [socket.socket(fileno=fd) for fd in fds]
path = sys.argv[1]
with open(path + ".new", "w") as f:
    json.dump({"pid": os.getpid(), "names": os.environ["LISTEN_FDNAMES"],
               "fds": sorted(int(n) for n in os.listdir("/proc/self/fd")),
               "blocking": [os.get_blocking(fd) for fd in fds],
               "families": [s.family for s in socks],
               "types": [s.type for s in socks]}, f)
os.rename(path + ".new", path)
while True:
    for s in select.select(socks, [], [])[0]:
        if s.type == socket.SOCK_DGRAM:
            data, peer = s.recvfrom(100)
            s.sendto(b"%d" % os.getpid(), peer)
        else:
            c, _ = s.accept()
            c.sendall(b"%d" % os.getpid())
            c.close()
"""


def server(lab, name="serving"):
    return [sys.executable, "-S", lab.write("server.py", SERVER),
            lab.path(name)]


def read(lab, name="serving"):
    path = lab.path(name)
    wait_for(lambda: os.path.exists(path), "a server")
    with open(path, encoding="utf-8") as f:
        report = json.load(f)
    os.unlink(path)
    return report


def ask(address, family=socket.AF_INET):
    with socket.socket(family) as s:
        s.settimeout(20)
        s.connect(address)
        return s.recv(100)


def test_sockets_are_handed_over(lab):
    port, uport, path = lab.port(), lab.port(), lab.path("web.sock")
    dw = lab.daemonwatch(service("web", start=server(lab), sockets=[
        f"tcp:127.0.0.1:{port} name=http", f"udp:127.0.0.1:{uport}",
        f"unix:{path} name=local mode=0600"],
        env=["LISTEN_PID=1"])).start_foreground()
    r = read(lab)
    dw.wait_up("web")
    assert r["names"] == "http:web:local" and r["blocking"] == [True] * 3
    assert r["fds"][:6] == [0, 1, 2, 3, 4, 5] and len(r["fds"]) <= 8
    assert r["families"] == [socket.AF_INET, socket.AF_INET, socket.AF_UNIX]
    assert r["types"] == [socket.SOCK_STREAM, socket.SOCK_DGRAM,
                          socket.SOCK_STREAM]
    pid = b"%d" % r["pid"]
    assert ask(("127.0.0.1", port)) == pid
    assert ask(path, socket.AF_UNIX) == pid
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.settimeout(10)
        s.connect(("127.0.0.1", uport))
        s.send(b"x")
        assert s.recv(100) == pid
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert dw.terminate() == 0
    assert not os.path.exists(path)


class Hammer:
    """Connects as fast as it can, and counts who is refused."""

    def __init__(self, address, family=socket.AF_INET):
        self.address, self.family = address, family
        self.served, self.refused, self.end = 0, [], False
        self.threads = [threading.Thread(target=self._run) for _ in range(3)]
        for t in self.threads:
            t.start()

    def _run(self):
        while not self.end:
            try:
                with socket.socket(self.family) as s:
                    s.settimeout(30)
                    s.connect(self.address)
                    s.recv(100)
                self.served += 1
            except ConnectionResetError:
                pass        # it was being served by who was killed
            except OSError as e:
                self.refused.append(e)

    def stop(self):
        self.end = True
        for t in self.threads:
            t.join(60)


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_nobody_is_refused_while_it_is_started_again(lab, kind):
    if kind == "tcp":
        port = lab.port()
        address, text = ("127.0.0.1", port), f"tcp:127.0.0.1:{port}"
        family = socket.AF_INET
    else:
        address = lab.path("web.sock")
        text, family = f"unix:{address}", socket.AF_UNIX
    dw = lab.daemonwatch(service(
        "web", start=server(lab), sockets=[text], backoff="100ms..200ms")
    ).start_foreground()
    r = read(lab)
    hammer = Hammer(address, family)
    try:
        for n in range(8):
            seen = hammer.served
            wait_for(lambda: hammer.served > seen + 20, "clients served")
            if n % 2:
                assert dw.cli("restart", "web").rc == 0
            else:
                kill_and_wait(r["pid"])
            r = read(lab)
    finally:
        hammer.stop()
    assert hammer.refused == []
    assert dw.service("web")["restarts"] == 8


def test_waiting_clients_are_served_by_the_next_run(lab):
    port = lab.port()
    go = lab.path("go")
    script = lab.script(
        "s", f"while [ ! -e {go} ]; do sleep 0.02; done\n"
        f"exec {' '.join(server(lab))}")
    # Its descriptors are those of the shell, and its pid.
    lab.daemonwatch(service("web", start=[script],
                            sockets=[f"tcp:127.0.0.1:{port}"])
                    ).start_foreground()
    with socket.create_connection(("127.0.0.1", port), 20) as s:
        open(go, "w", encoding="ascii").close()
        assert s.recv(100) == b"%d" % read(lab)["pid"]


def test_stopped_for_good_is_refused(lab):
    port, path = lab.port(), lab.path("web.sock")
    dw = lab.daemonwatch(service(
        "web", start=server(lab),
        sockets=[f"tcp:127.0.0.1:{port}", f"unix:{path}"])).start_foreground()
    read(lab)
    dw.wait_up("web")
    assert dw.cli("stop", "web").rc == 0
    dw.wait_state("web", "stopped")
    assert not answers(port) and not os.path.exists(path)
    assert dw.cli("start", "web").rc == 0
    assert ask(("127.0.0.1", port)) == b"%d" % read(lab)["pid"]


def test_address_that_is_taken_is_said_and_tried_again(lab):
    held = lab.listener()
    dw = lab.daemonwatch(service(
        "web", start=server(lab), sockets=[f"tcp:127.0.0.1:{held.port}"],
        backoff="50ms..100ms")).start_foreground()
    dw.wait_said(f"socket tcp:127.0.0.1:{held.port}: Address already in use")
    held.close()
    pid = read(lab)["pid"]
    assert ask(("127.0.0.1", held.port)) == b"%d" % pid
    dw.wait_up("web")


def test_ipv6_and_all_addresses(lab):
    if not have_ipv6():
        pytest.skip("no IPv6")
    one, both, only = lab.port(), lab.port(), lab.port()
    lab.daemonwatch(service("web", start=server(lab), sockets=[
        f"tcp:[::1]:{one}", f"tcp:*:{both}", f"tcp:[::]:{only}"])
    ).start_foreground()
    read(lab)
    assert answers(one, "::1") and answers(both, "::1")
    assert answers(both) and answers(only, "::1") and not answers(only)


def test_stale_unix_socket_is_replaced(lab):
    path = lab.path("web.sock")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
    lab.daemonwatch(service("web", start=server(lab),
                            sockets=[f"unix:{path}"])).start_foreground()
    assert ask(path, socket.AF_UNIX) == b"%d" % read(lab)["pid"]


@pytest.mark.parametrize("what", ["listener", "full", "file", "link"])
def test_what_is_no_stale_socket_is_left_alone(lab, what):
    path = lab.path("web.sock")
    held = socket.socket(socket.AF_UNIX)
    clients = []
    text = "somebody else listens there"
    if what in ("listener", "full"):
        held.bind(path)
        held.listen(0)
        for _ in range(3 if what == "full" else 0):
            c = socket.socket(socket.AF_UNIX)
            c.setblocking(False)
            c.connect_ex(path)
            clients.append(c)
    elif what == "file":
        lab.write("web.sock", "precious")
        text = "a file of that name that is no socket"
    else:
        os.symlink(lab.write("precious", "x"), path)
        text = "a file of that name that is no socket"
    dw = lab.daemonwatch(service(
        "web", start=server(lab), sockets=[f"unix:{path}"],
        backoff="50ms..100ms")).start_foreground()
    dw.wait_said(text)
    assert os.path.lexists(path)
    # When it has gone, the next try succeeds.
    held.close()
    for c in clients:
        c.close()
    if what in ("file", "link"):
        os.unlink(path)
    dw.wait_up("web", timeout=20)


@pytest.mark.root
def test_owner_of_a_unix_socket(lab):
    path = lab.path("d", "web.sock")
    os.mkdir(lab.path("d"))
    dw = lab.daemonwatch(service("web", start=server(lab), sockets=[
        f"unix:{path} mode=0620 user=nobody group=adm"])).start_foreground()
    read(lab)
    st = os.stat(path)
    assert st.st_uid == pwd.getpwnam("nobody").pw_uid
    assert st.st_gid == grp.getgrnam("adm").gr_gid
    assert stat.S_IMODE(st.st_mode) == 0o620
    assert dw.cli("stop", "web").rc == 0
    dw.wait_state("web", "stopped")
    # Where others could put a link instead, nothing is given away.
    os.chmod(lab.path("d"), 0o777)
    assert dw.cli("start", "web").rc == 0
    dw.wait_said("others can write in its directory")


def test_hooks_and_other_services_have_no_part_in_it(lab):
    port = lab.port()
    hook = lab.path("hook")
    dw = lab.daemonwatch(
        service("web", start=server(lab), sockets=[f"tcp:127.0.0.1:{port}"],
                before_start=["sh", "-c", f"ls -l /proc/self/fd > {hook}; "
                              f"env >> {hook}"]),
        service("other", start=["sleep", "1000"])).start_foreground()
    read(lab)
    dw.wait_up("web", "other")
    with open(hook, encoding="utf-8") as f:
        text = f.read()
    assert "socket:" not in text and "LISTEN_" not in text
    (pid,) = dw.service("other")["pids"]
    assert not any("socket:" in v for v in fds_of(pid).values())
    assert b"LISTEN_" not in environ_of(pid)


def test_next_daemonwatch_and_a_service_that_has_the_socket(lab):
    port = lab.port()
    dw = lab.daemonwatch(service(
        "web", start=server(lab), sockets=[f"tcp:127.0.0.1:{port}"])
    ).start_foreground()
    r = read(lab)
    dw.wait_up("web")
    dw.kill9()
    dw.start_foreground()
    dw.wait_up("web")
    assert dw.service("web")["pids"] == [r["pid"]] and alive(r["pid"])
    assert ask(("127.0.0.1", port)) == b"%d" % r["pid"]
    assert not dw.said("Address already in use")
    kill_and_wait(r["pid"])
    new = read(lab)
    assert ask(("127.0.0.1", port)) == b"%d" % new["pid"]


def is_gunicorn(pid):
    with contextlib.suppress(OSError):
        return "gunicorn" in cmdline_of(pid)
    return False


def test_gunicorn_takes_them(lab):
    gunicorn = shutil.which("gunicorn")
    if gunicorn is None:
        pytest.skip("no gunicorn")
    port = lab.port()
    app = lab.write("app.py", "def app(env, start):\n"
                    "    start('200 OK', [('Content-Length', '2')])\n"
                    "    return [b'ok']\n")
    dw = lab.daemonwatch(service(
        "web", start=[gunicorn, "app:app"], cwd=os.path.dirname(app),
        sockets=[f"tcp:127.0.0.1:{port}"])).start_foreground()
    dw.wait_up("web")
    for n in range(3):
        with socket.create_connection(("127.0.0.1", port), 30) as s:
            s.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert b"200 OK" in s.recv(100)
        if n < 2:
            # Its worker may still accept, and is killed a moment later.
            family = [p for p in lab.marked() if is_gunicorn(p)]
            kill_and_wait(dw.service("web")["pids"][0])
            wait_for(lambda: not any(alive(p) for p in family),
                     "the end of its workers")
