# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Checks over TLS: certificates good and bad, servers that do not shake hands,
# and nginx.

import os
import shutil
import time

import pytest

from harness import quote, service, wait_for
from test_check_http import pytestmark, respond, web  # noqa: F401
from webserver import Authority

pytest.importorskip("cryptography")


@pytest.fixture
def ca(lab):
    a = Authority(lab.open_dir)
    os.chmod(a.file, 0o644)
    return a


def both(web, s, ca, **keys):  # noqa: F811
    """The same server asked by http and by tcp."""
    keys = dict({"ca_file": quote(ca.file), "interval": "300ms",
                 "timeout": "300ms", "fall": 1}, **keys)
    return web.start(
        http={"h": {"url": quote(s.url), **keys}},
        tcp={"t": {"address": f"127.0.0.1:{s.port}", "tls": True,
                   "send": '"GET / HTTP/1.0\\r\\n\\r\\n"',
                   "expect": "hello", **keys}})


def test_a_good_certificate(web, ca):  # noqa: F811
    s = web.serve(respond(), tls=ca.context())
    both(web, s, ca, expires_within="14d")
    web.wait("ok", f"127.0.0.1:{s.port} answered 200", check="h")
    web.wait("ok", f"127.0.0.1:{s.port} answered", check="t")
    assert web.dw.check("web", "t")["kind"] == "tcp"


@pytest.mark.parametrize("how,text", [
    ({"last": -0.01}, "expired"), ({"first": 1}, "not yet valid"),
    ({"self_signed": True}, "self"), ({"names": ["example.org"]}, "match")])
def test_bad_certificates(web, ca, how, text):  # noqa: F811
    s = web.serve(respond(), tls=ca.context(**how))
    both(web, s, ca)
    for check in "ht":
        web.wait("failed", text, check=check)
    # Nobody was asked anything.
    assert not any("GET" in r for r in s.requests)


def test_an_unknown_authority(web, ca):  # noqa: F811
    s = web.serve(respond(), tls=ca.context())
    web.watch(c=s.url)
    web.wait("failed", "certificate")


def test_any_certificate_without_verify(web, ca):  # noqa: F811
    s = web.serve(respond(), tls=ca.context(self_signed=True, last=-1,
                                            first=-2, names=["example.org"]))
    both(web, s, ca, ca_file=None, verify=False)
    web.wait("ok", check="h")
    web.wait("ok", check="t")


def test_a_certificate_that_expires_soon_restarts_nothing(web, ca):  # noqa: F811
    s = web.serve(respond(), tls=ca.context(last=10.5))
    dw = both(web, s, ca, expires_within="14d")
    for check in "ht":
        web.wait("degraded", "certificate expires in 10d; 127.0.0.1", check)
        dw.wait_said(f"web: {check}: degraded: certificate expires in 10d")
    # Renewed: no longer.
    ca.load_into = s.tls.load_cert_chain(ca.pem())
    for check in "ht":
        web.wait("ok", check=check)
        dw.wait_said(f"web: {check}: no longer degraded")
    assert dw.state("web") == "up" and web.server.count() == 1


def test_expired_but_not_verified(web, ca):  # noqa: F811
    s = web.serve(respond(), tls=ca.context(first=-9, last=-1))
    both(web, s, ca, ca_file=None, verify=False, expires_within="1d")
    web.wait("degraded", "certificate has expired", check="h")


def test_the_servers_name(web, ca):  # noqa: F811
    s = web.serve(respond(), tls=ca.context(names=["www.example.org"]))
    both(web, s, ca, server_name="www.example.org")
    web.wait("ok", check="h")
    web.wait("ok", check="t")
    assert set(s.names) == {"www.example.org"}
    assert any(f"Host: 127.0.0.1:{s.port}" in r for r in s.requests)


def test_a_name_that_is_looked_up_is_the_servers(web, ca):  # noqa: F811
    s = web.serve(respond(), tls=ca.context(names=["localhost"]))
    web.start(tcp={"c": {"address": f"localhost:{s.port}", "tls": True,
                         "ca_file": quote(ca.file), "interval": "300ms"}})
    web.wait("ok", f"localhost (127.0.0.1:{s.port}) accepted")
    assert set(s.names) == {"localhost"}


def test_a_ca_file_that_cannot_be_read(web, ca):  # noqa: F811
    s = web.serve(respond(), tls=ca.context())
    empty = web.lab.write("open/empty.pem", "")
    web.watch(c={"url": s.url, "ca_file": "/nowhere/ca.pem"},
              d={"url": s.url, "ca_file": empty})
    web.wait("unknown", "ca-file", check="c")
    web.wait("unknown", "ca-file", check="d")


def test_a_plain_server(web, ca):  # noqa: F811
    s = web.serve(lambda c, r: c.sendall(b"SSH-2.0-OpenSSH\r\n"), ask=False)
    s.url = s.url.replace("http:", "https:")
    both(web, s, ca)
    web.wait("failed", "wrong version number", check="h")
    web.wait("failed", "wrong version number", check="t")


def test_a_handshake_without_end(web, ca):  # noqa: F811
    s = web.serve(lambda c, r: time.sleep(30), tls=ca.context(), ask=False,
                  handshake=False)
    both(web, s, ca)
    web.wait("failed", "no TLS handshake with 127.0.0.1", check="h")
    web.wait("failed", "no TLS handshake with 127.0.0.1", check="t")


def test_closed_in_the_handshake(web, ca):  # noqa: F811
    s = web.serve(lambda c, r: None, tls=ca.context(), ask=False,
                  handshake=False)
    both(web, s, ca)
    web.wait("failed", check="h")
    web.wait("failed", check="t")


def test_floods_drips_and_silence(web, ca):  # noqa: F811
    def flood(conn, _):
        while True:
            conn.sendall(b"x\0" * 8000)

    def drip(conn, _):
        for c in b"abc ready":
            conn.sendall(bytes([c]))
        time.sleep(30)

    def serve(function):
        return web.serve(function, tls=ca.context(), ask=False)
    keys = {"tls": True, "verify": False, "interval": "2s", "timeout": "2s",
            "fall": 1}

    def check(server, expect):
        return {"address": f"127.0.0.1:{server.port}",
                "expect": quote(expect), **keys}
    flooding, dripping = serve(flood), serve(drip)
    silent = serve(lambda c, r: time.sleep(30))
    closing = serve(lambda c, r: c.sendall(b"bye"))
    web.start(tcp={
        "a": check(flooding, "y"), "b": check(flooding, "x.x.x"),
        "c": check(dripping, "ready$"), "d": check(silent, "x"),
        "e": check(closing, "ready"), "f": check(closing, "^bye$")})
    web.wait("failed", "no answer in 65536 bytes matching", check="a")
    web.wait("ok", check="b")
    web.wait("ok", check="c")
    web.wait("failed", "nothing that matches from", check="d")
    web.wait("failed", "closed without an answer matching 'ready'", check="e")
    web.wait("ok", check="f")


def test_tls_keys_without_tls(lab):
    dw = lab.daemonwatch(
        'service s {\nstart = {"/bin/sleep", "9"}\n'
        "tcp c {\naddress = 127.0.0.1:1\nverify = no\n}\n}\n")
    r = dw.cli("check")
    assert r.rc != 0 and "'verify' has no effect without tls = yes" in r.both


def test_nginx(web, ca):  # noqa: F811
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if nginx is None:
        pytest.skip("nginx is not installed")
    lab = web.lab
    pem, plain, tls = ca.pem(last=5.5), lab.port(), lab.port()
    root = lab.path("open")
    lab.write("open/index.html", "<h1>Welcome</h1>\n")
    user = "user root;\n" if os.geteuid() == 0 else ""
    conf = lab.write("nginx.conf", f"""{user}daemon off; pid {root}/pid;
error_log {root}/error.log; events {{}}
http {{ access_log off; root {root};
client_body_temp_path {root}/b; proxy_temp_path {root}/p;
fastcgi_temp_path {root}/f; uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;
server {{ listen 127.0.0.1:{plain}; location /old {{ return 301 /; }} }}
server {{ listen 127.0.0.1:{tls} ssl; ssl_certificate {pem};
ssl_certificate_key {pem}; }} }}
""")
    keys = {"interval": "500ms", "timeout": "500ms"}
    ours = {"ca_file": quote(ca.file), "expires_within": "14d", **keys}
    dw = web.dw = lab.daemonwatch(service(
        "nginx", start=[nginx, "-c", conf, "-e", f"{root}/error.log"],
        ready="page", restart_when="not process or page.failed",
        http={"page": {"url": quote(f"https://localhost:{tls}/"),
                       "body": "Welcome", **ours},
              "old": {"url": quote(f"http://127.0.0.1:{plain}/old"),
                      "redirects": True, "body": "Welcome", **keys},
              "none": {"url": quote(f"http://127.0.0.1:{plain}/none"),
                       "status": 404, "method": "HEAD", **keys}},
        tcp={"shake": {"address": f"127.0.0.1:{tls}", "tls": True, **ours}},
        )).start_foreground()
    dw.wait_up("nginx")

    def states(want):
        got = {c["name"]: c["state"] for c in dw.service("nginx")["checks"]}
        assert got == want
        return True
    wait_for(lambda: states({"page": "degraded", "old": "ok", "none": "ok",
                             "shake": "degraded"}), "all well")
    # Nobody is stopped by a page that is gone but by its check.
    os.unlink(f"{root}/index.html")
    dw.wait_event("nginx", frm="up", to="failing")
    lab.write("open/index.html", "Welcome back\n")
    dw.wait_event("nginx", to="up", n=2)
