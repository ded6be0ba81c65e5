# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Checks by HTTP, against servers that behave and such that do not.

import base64
import os
import re
import signal
import socket
import time

import pytest

from harness import (BUILDDIR, alive, children_of, exe_of, kill, quote,
                     service, wait_for)
from webserver import WebServer, respond

pytestmark = pytest.mark.skipif(
    not os.path.exists(os.path.join(BUILDDIR, "bin/daemonwatch-prober-http")),
    reason="built without libcurl")


class Web:
    """Servers of a test, and daemonwatch with checks of them."""

    def __init__(self, lab):
        self.lab = lab
        self.servers = []
        self.dw = None

    def serve(self, function, **kw):
        """function: of the connection and the request, or what to answer"""
        if isinstance(function, bytes):
            answer = function
            function = lambda conn, request: conn.sendall(answer)
        s = WebServer(self.lab.port(), function, **kw)
        s.url = f"http{'s' if s.tls else ''}://127.0.0.1:{s.port}/"
        self.servers.append(s)
        return s

    def watch(self, *more, **checks):
        """A service that is up, with these http checks; or their URLs."""
        http = {}
        for name, keys in checks.items():
            if isinstance(keys, str):
                keys = {"url": keys}
            keys = dict({"interval": "200ms", "timeout": "200ms", "fall": 1},
                        **keys)
            for key in ("url", "body", "send", "auth_file", "ca_file"):
                if key in keys:
                    keys[key] = quote(keys[key])
            http[name] = keys
        return self.start(*more, http=http)

    def start(self, *more, restart_when="not process", **kw):
        # A failure counts against who was well, or had the time to become so.
        kw.setdefault("start_timeout", "200ms")
        self.server = self.lab.server()
        self.dw = self.lab.daemonwatch(
            service("web", start=self.server.argv, ready="at-once",
                    restart_when=restart_when, **kw),
            *more).start_foreground()
        self.dw.wait_up("web")
        return self.dw

    def wait(self, state, text="", check="c", timeout=10):
        def look():
            c = self.dw.check("web", check)
            assert c["state"] == state and text in c["text"], c
            return c
        return wait_for(look, f"{check}: {state}: {text}", timeout)

    def prober(self):
        found = [p for p in children_of(self.dw.pid)
                 if exe_of(p).endswith("prober-http") and alive(p)]
        return found[0] if found else None

    def close(self):
        for s in self.servers:
            s.close()


@pytest.fixture
def web(lab):
    w = Web(lab)
    yield w
    w.close()


def test_an_answer(web):
    s = web.serve(respond())
    dw = web.watch(c=s.url + "health?x=1")
    web.wait("ok", f"127.0.0.1:{s.port} answered 200")
    request = s.requests[0].split("\r\n")
    assert request[0] == "GET /health?x=1 HTTP/1.1"
    assert f"Host: 127.0.0.1:{s.port}" in request
    assert any(h.startswith("User-Agent: daemonwatch/") for h in request)
    assert dw.check("web", "c")["kind"] == "http"
    assert dw.state("web") == "up"


def test_what_is_asked_is_what_was_written(web):
    s = web.serve(respond())
    web.watch(c={"url": "http://www.example.org/x", "method": "PUT",
                 "address": f"127.0.0.1:{s.port}", "source": "127.0.0.1",
                 "headers": ["X-One: 1", "Accept: text/plain"],
                 "send": "a=b"})
    web.wait("ok", "answered 200")
    request = s.requests[0].split("\r\n")
    assert request[0] == "PUT /x HTTP/1.1"
    for want in ("Host: www.example.org", "X-One: 1", "Accept: text/plain",
                 "Content-Length: 3"):
        assert want in request


def test_head_has_no_body(web):
    s = web.serve(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    web.watch(c={"url": s.url, "method": "HEAD"})
    web.wait("ok")
    assert s.requests[0].startswith("HEAD / ")


@pytest.mark.parametrize("status,keys,state", [
    ("204 None", {}, "ok"), ("302 Found", {}, "ok"), ("404 None", {}, "failed"),
    ("500 Oh", {}, "failed"), ("500 Oh", {"status": 500}, "ok"),
    ("302 Found", {"status": ["200", "301..302"]}, "ok"),
    ("204 None", {"status": ["200", "301..302"]}, "failed")])
def test_statuses(web, status, keys, state):
    s = web.serve(respond(status, b""))
    web.watch(c={"url": s.url, **keys})
    web.wait(state, f"answered {status[:3]}")


def test_a_body_that_matches_or_not(web):
    s = web.serve(respond(body=b'{"ready": true}'))
    web.watch(c={"url": s.url, "body": '"ready": *true'},
              d={"url": s.url, "body": "nowhere"})
    web.wait("ok")
    web.wait("failed", "matches 'nowhere' (got \"{", check="d")


def test_nuls_do_not_hide_what_is_behind(web):
    s = web.serve(respond(body=b"\0\0x\0behind\0"))
    web.watch(c={"url": s.url, "body": "^..x.behind.$"})
    web.wait("ok")


def test_a_body_byte_by_byte_is_judged_as_it_comes(web):
    def slow(conn, _):
        conn.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for c in b"ready now, and then nothing":
            conn.sendall(bytes([c]))
        time.sleep(30)
    s = web.serve(slow)
    web.watch(c={"url": s.url, "body": "ready now", "timeout": "5s",
                 "interval": "5s"},
              d={"url": s.url, "body": "never"})
    web.wait("ok")
    web.wait("failed", "nothing that matches from", check="d")


def test_one_byte_a_second_is_no_answer(web):
    def drip(conn, _):
        for c in b"HTTP/1.1 200 OK":
            conn.sendall(bytes([c]))
            time.sleep(1)
    web.watch(c=web.serve(drip).url)
    web.wait("failed", "within 200ms")


def test_silence_is_no_answer(web):
    web.watch(c=web.serve(lambda c, r: time.sleep(30)).url)
    web.wait("failed", "no answer from 127.0.0.1")


def flood(head, data):
    def serve(conn, _):
        conn.sendall(head)
        while True:
            conn.sendall(data)
    return serve


def rss(pid):
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_flood_is_cut_off(web):
    body = web.serve(flood(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824"
                           b"\r\n\r\n", b"x" * 65536))
    head = web.serve(flood(b"HTTP/1.1 200 OK\r\n", b"A: " + b"x" * 99 +
                           b"\r\n"))
    line = web.serve(flood(b"HTTP/1.1 200 OK\r\nA: ", b"x" * 65536))
    chunks = web.serve(flood(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"
                             b"\r\n\r\n", b"4\r\nabcd\r\n"))
    long = {"timeout": "2s", "interval": "2s", "body": "y"}
    web.watch(c={"url": body.url, **long}, d={"url": head.url, **long},
              e={"url": line.url, **long}, f={"url": chunks.url, **long},
              g=body.url)
    web.wait("failed", "65536 bytes nothing that matches")
    web.wait("failed", "headers without an end", check="d")
    web.wait("failed", "headers without an end", check="e")
    web.wait("failed", "65536 bytes nothing that matches", check="f")
    web.wait("ok", "answered 200", check="g")
    assert rss(web.prober()) < 100 << 20


@pytest.mark.parametrize("answer,text", [
    (b"", "Empty reply"), (b"SSH-2.0-OpenSSH\r\n", ""),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ""),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", ""),
    (b"HTTP/9.9 777 \0\0\0\r\n\r\n", ""), (b"\0" * 5000, "")])
def test_what_is_no_http(web, answer, text):
    s = web.serve(answer)
    web.watch(c={"url": s.url, "body": "x"})
    web.wait("failed", text)


def test_nobody_there(web):
    web.watch(c=f"http://localhost:{web.lab.port()}/")
    web.wait("failed", "Connection refused")


def test_redirects_are_followed_when_asked(web):
    other = web.serve(respond(body=b"there"))

    def lead(conn, request):
        where = {"/": "/a/b", "/a/b": "../c",
                 "/c": f"http://localhost:{other.port}/d"}
        conn.sendall(respond("302 Found", b"", [
            "Location: " + where[request.split()[1]]]))
    s = web.serve(lead)
    auth = web.lab.write("auth", "user:secret\n", mode=0o600)
    web.watch(c={"url": s.url, "redirects": True, "body": "there",
                 "headers": ["X-Secret: 1"], "auth_file": auth,
                 "timeout": "1s", "interval": "1s"})
    web.wait("ok", f"localhost (127.0.0.1:{other.port}) answered 200")
    assert [r.split()[1] for r in s.requests[:3]] == ["/", "/a/b", "/c"]
    basic = base64.b64encode(b"user:secret").decode()
    for r in s.requests[:3]:
        assert f"Authorization: Basic {basic}" in r and "X-Secret: 1" in r
    # Another host hears nothing of that.
    assert other.requests[0].startswith("GET /d ")
    assert "Authorization" not in other.requests[0]
    assert "X-Secret" not in other.requests[0]


@pytest.mark.parametrize("where,text", [
    ("/", "one too many"), ("file:///etc/passwd", "redirected to file:"),
    ("gopher://127.0.0.1/x", "redirected to gopher:"), ("http://", ""),
    ("http://user:pw@127.0.0.1:1/", "refused"), ("http:////[", "")])
def test_redirects_that_are_not_followed(web, where, text):
    s = web.serve(respond("301 Moved", b"", ["Location: " + where]))
    web.watch(c={"url": s.url, "redirects": True})
    web.wait("failed", text)
    assert not any("Authorization" in r for r in s.requests)


def test_a_post_is_a_get_after_a_redirect(web):
    def lead(conn, request):
        if request.startswith("POST / "):
            conn.sendall(respond("303 See Other", b"", ["Location: /x"]))
        else:
            conn.sendall(respond(body=request.split()[0].encode()))
    s = web.serve(lead)
    web.watch(c={"url": s.url, "redirects": True, "send": "a", "body": "^GET$"})
    web.wait("ok")


def test_auth_files(web):
    def guard(conn, request):
        good = base64.b64encode(b"user:pass:word").decode()
        conn.sendall(respond() if f"Authorization: Basic {good}" in request
                     else respond("401 No"))
    s = web.serve(guard)
    good = web.lab.write("good", "user:pass:word\n", mode=0o600)
    web.watch(
        c={"url": s.url, "auth_file": good}, d=s.url,
        e={"url": s.url, "auth_file": web.lab.write("bad", "a:b", 0o644)},
        f={"url": s.url, "auth_file": web.lab.path("none")},
        g={"url": s.url, "auth_file": web.lab.write("odd", "ab\n", 0o600)},
        h={"url": s.url, "auth_file": web.lab.dir})
    web.wait("ok")
    web.wait("failed", "answered 401", check="d")
    web.wait("unknown", "others may read or write it", check="e")
    web.wait("unknown", "No such file", check="f")
    web.wait("unknown", "it is user:password", check="g")
    web.wait("unknown", "not a regular file", check="h")
    # Changed while it runs; and never written anywhere.
    os.chmod(web.lab.path("good"), 0o640)
    # (What is unknown leaves what was known.)
    web.wait("ok", "others may read")
    web.dw.wait_said("web: c: auth-file .*others may read")
    assert len(web.dw.said("web: e: auth-file")) == 1
    assert "pass:word" not in web.dw.log_text()
    assert "pass:word" not in web.dw.status_result().out


def test_a_hundred_beside_a_black_hole(web):
    """Nobody waits for a server that is silent, or not there."""
    def quick(conn, _):
        conn.sendall(respond())
    s = web.serve(quick)
    hole = web.serve(lambda c, r: time.sleep(60), ask=False)
    checks = {f"c{i}": {"url": s.url, "interval": "2s", "timeout": "2s"}
              for i in range(100)}
    checks.update({f"h{i}": {"url": hole.url, "interval": "2s",
                             "timeout": "2s"} for i in range(20)})
    dw = web.watch(**checks)

    def all_said():
        c = {c["name"]: c for c in dw.service("web")["checks"]}
        assert all(c[f"c{i}"]["state"] == "ok" for i in range(100))
        assert all(c[f"h{i}"]["state"] == "failed" for i in range(20))
        return c
    for c in wait_for(all_said, "all", 15).values():
        if c["name"].startswith("c"):
            assert c["latency_ms"] < 1500


@pytest.mark.parametrize("signo", [signal.SIGKILL, signal.SIGSTOP])
def test_the_prober_is_replaced_and_nothing_restarted(web, signo):
    s = web.serve(respond())
    dw = web.watch(c=s.url, d=s.url, e=s.url)
    web.wait("ok")
    pid = web.prober()
    kill(pid, signo)
    dw.wait_said("prober-http: .*(killed|signal 9)", timeout=20)
    wait_for(lambda: web.prober() not in (None, pid), "a new prober", 20)
    n = len(s.requests)
    wait_for(lambda: len(s.requests) > n, "asked again")
    web.wait("ok")
    assert not alive(pid)
    assert web.server.count() == 1 and dw.state("web") == "up"


def test_without_such_a_check_there_is_no_such_prober(web):
    dw = web.start(tcp={"c": {"address": web.lab.server("x").address}})
    wait_for(lambda: dw.prober_pids(), "the prober")
    assert web.prober() is None


def test_the_environments_proxy_is_not_asked(web):
    s = web.serve(respond())
    bad = web.serve(respond("500 Proxy"))
    for key in ("http_proxy", "ALL_PROXY", "all_proxy"):
        web.lab.env[key] = bad.url
    web.watch(c=s.url)
    web.wait("ok")
    assert bad.count == 0


def test_a_failing_answer_restarts(web):
    answers = [respond(), respond("503 No")]
    s = web.serve(lambda conn, _: conn.sendall(answers[0]))
    web.server = web.lab.server()
    dw = web.dw = web.lab.daemonwatch(service(
        "web", start=web.server.argv, ready="c", restart_when="c.failed",
        http={"c": {"url": quote(s.url), "interval": "200ms",
                    "timeout": "200ms"}})).start_foreground()
    dw.wait_up("web")
    answers[0] = respond("503 No")
    dw.wait_event("web", to="failing")
    web.server.wait_serving(2)
    answers[0] = respond()
    dw.wait_event("web", to="up", n=2)


@pytest.mark.parametrize("keys,why", [
    ("", "needs a URL"),
    ('url = "ftp://x/"', "begins with http:// or https://"),
    ('url = "http://u:p@x/"', "auth-file"),
    ('url = "http:///x"', "host is missing"),
    ('url = "http://x:0/"', "1 to 65535"),
    ('url = "http://x:http/"', "the port of a URL is a number"),
    ('url = "http://[::1/"', r"in \[ \]"),
    ('url = "http://a b/"', "%XX"),
    ('url = "http://x/#y"', "never sent"),
    ('url = "http://x/" verify = no', "no effect with an http:// URL"),
    ('url = "https://x/" ca-file = /a verify = no', "no effect with verify"),
    ('url = "http://x/" status = 99', "100 to 599"),
    ('url = "http://x/" status = {}', "1 to 16"),
    ('url = "http://x/" status = 300..200', "larger than the last"),
    ('url = "http://x/" method = get', "capitals"),
    ('url = "http://x/" method = HEAD body = x', "method = HEAD"),
    ('url = "http://x/" headers = {"x"}', "Name: value"),
    ('url = "http://x/" headers = {"x: a\\r\\nb: c"}', "no text"),
    ('url = "http://x/" expect = "x"', "expect' belongs"),
])
def test_configurations_that_are_wrong(lab, keys, why):
    text = re.sub(r"(?<=.) ([a-z-]+ = )", r"\n\1", keys)
    dw = lab.daemonwatch(
        f'service s {{\nstart = {{"/bin/sleep", "9"}}\n'
        f"http c {{\n{text}\n}}\n}}\n")
    r = dw.cli("check")
    assert r.rc != 0 and re.search(why, r.both), r


@pytest.mark.root
def test_a_resolver_that_never_answers_delays_nobody(web):
    """Its check is unknown; the one beside it is asked as before."""
    lab = web.lab
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        silent.bind(("127.77.0.53", 53))
    except OSError as e:
        pytest.skip(f"no port for a resolver: {e}")
    with silent:
        conf = lab.write("resolv.conf", "nameserver 127.77.0.53\n")
        s = web.serve(respond())
        server = web.server = lab.server()
        keys = {"interval": "300ms", "timeout": "300ms", "fall": 1}
        dw = web.dw = lab.daemonwatch(service(
            "web", start=server.argv, ready="at-once", start_timeout="200ms",
            restart_when="not process or lost.failed",
            http={"lost": {"url": '"http://name.of.nobody.test/"', **keys},
                  "c": {"url": quote(s.url), **keys}}))
        dw.prefix = ["unshare", "-m", "sh", "-c",
                     f"mount --bind {conf} /etc/resolv.conf && exec \"$@\"",
                     "sh"]
        try:
            dw.start_foreground()
        except RuntimeError as e:
            pytest.skip(f"no mount namespace: {e}")
        wait_for(lambda: "look up name.of.nobody.test: no answer within 300ms"
                 in dw.check("web", "lost")["text"], "the silence")
        web.wait("ok")
        n = s.count
        start = time.monotonic()
        wait_for(lambda: s.count >= n + 10, "ten more")
        assert time.monotonic() - start < 6
        assert dw.check("web", "lost")["state"] == "unknown"
        assert server.count() == 1


def test_instances_have_urls_of_their_own(web):
    seen = set()

    def serve(conn, request):
        seen.add(request.split()[1])
        conn.sendall(respond())
    s = web.serve(serve)
    dw = web.dw = web.lab.daemonwatch(service(
        "web", start=["/bin/sleep", "1000"], instances=2, ready="c",
        restart_when="not process",
        http={"c": {"url": quote(s.url + "%i/%20"), "interval": "300ms",
                    "timeout": "300ms"}})).start_foreground()
    dw.wait_up("web@1", "web@2")
    assert seen == {"/1/%20", "/2/%20"}
