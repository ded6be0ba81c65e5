# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# daemonwatch-prober-http from outside, by its socket: it believes no request.

import contextlib
import os
import random
import socket
import struct
import subprocess

import pytest

import harness
from test_check_http import pytestmark, respond, web  # noqa: F401

# bin/wire.h
HEAD = struct.Struct("=IIQqIII256s32s64s")
REPLY = struct.Struct("=IIQiIq128s")
VERSION, CANCEL, TCP, TLS, HTTP = 3, 2, 1, 5, 6
SECOND = 10**9


@pytest.fixture
def prober(session):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    path = os.path.join(session.libexecdir, "daemonwatch-prober-http")

    def take_three():
        os.dup2(theirs.fileno(), 3)

    with ours, theirs:
        p = subprocess.Popen([path], preexec_fn=take_three, close_fds=False,
                             stderr=subprocess.PIPE, text=True)
        theirs.close()
        p.sock = ours
        ours.settimeout(20)
        yield p
        ours.close()
        try:
            p.wait(20)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
            raise
        finally:
            p.stderr.close()


def request(options=b"", kind=HTTP, id=1, timeout=SECOND, send=b"",
            expect=b"", host=b"", port=b"", source=b"", version=VERSION,
            lens=None):
    a, b, c = lens or (len(send), len(expect), len(options))
    return HEAD.pack(version, kind, id, timeout, a, b, c, host, port,
                     source) + send + expect + options


def ended_with(p, text):
    assert p.wait(20 * harness.SLOW) == 1
    assert text in p.stderr.read()
    return True


@pytest.mark.parametrize("bad,why", [
    (request(b""), "no URL"),
    (request(b"uhttp://x/"), "does not end"),
    (request(b"ufile:///etc/passwd\0"), "http://"),
    (request(b"uhttp://x/\0z\0"), "unknown option"),
    (request(b"uhttp://x/\0hA: b\r\nC: d\0"), "no text"),
    (request(b"uhttp://x/\0", host=b"a"), "not both"),
    (request(b"uhttp://x/\0", kind=TLS, host=b"a", port=b"1"), "no use"),
    (request(b"", kind=TLS), "no host"),
    (request(b"uhttp://x/\0", kind=TCP), "kind"),
    (request(b"uhttp://x/\0", kind=77), "kind"),
    (request(b"uhttp://x/\0", lens=(0, 0, 5)), "lengths"),
    (request(b"uhttp://x/\0", lens=(2**32 - 1, 1, 11)), "lengths"),
    (request(b"u" + b"x" * 9000, lens=(0, 0, 9001)), "lengths"),
    (request(b"uhttp://x/\0", host=b"h" * 256), "does not end"),
    (request(b"uhttp://x/\0", timeout=0), "timeout"),
    (request(b"uhttp://x/\0", version=2), "version"),
])
def test_malformed_requests_end_it(prober, bad, why):
    prober.sock.send(bad)
    assert ended_with(prober, why)


def reply(p):
    data = p.sock.recv(1000)
    assert len(data) == REPLY.size
    version, outcome, id, error, flags, latency, text = REPLY.unpack(data)
    assert version == VERSION and flags == 0 and latency >= 0
    return outcome, id, text.split(b"\0")[0].decode("ascii")


def test_a_bad_expression_or_source_is_unknown(prober):
    for n, keys in enumerate([{"expect": b"("}, {"source": b"not-an-address"}]):
        prober.sock.send(request(b"uhttp://127.0.0.1:1/\0", id=n, **keys))
        outcome, id, text = reply(prober)
        assert (outcome, id) == (2, n) and "not a valid" in text


def test_random_options_never_crash_it(prober):
    rnd = random.Random(1)
    good = b"uhttp://127.0.0.1:1/\0hA: b\0s200-299\0aa:b\0r\0k\0x5\0nx\0"
    for n in range(300):
        url = bytearray(b"http://127.0.0.1:1/" + bytes(
            rnd.choice(b"ax%/?&=.:-_~'()*") for _ in range(rnd.randint(0, 99))))
        prober.sock.send(request(good.replace(b"http://127.0.0.1:1/",
                                              bytes(url)), id=n))
        outcome, id, text = reply(prober)
        assert id == n and outcome in (1, 2), text
    assert prober.poll() is None


def test_cancelled_in_every_moment(prober, web):  # noqa: F811
    """None is answered, and no descriptor is left."""
    import time
    s = web.serve(lambda c, r: time.sleep(60), ask=False)
    fds = f"/proc/{prober.pid}/fd"
    if not os.path.isdir(fds):
        pytest.skip("no /proc")
    before = None
    for n in range(1, 200):
        url = b"http://%s:%d/" % ([b"127.0.0.1", b"localhost"][n % 2], s.port)
        prober.sock.send(request(b"u" + url + b"\0", id=n,
                                 timeout=60 * SECOND))
        if n % 3 == 0:
            harness.wait_for(lambda: s.count > 0, "a connection")
        prober.sock.send(request(kind=CANCEL, id=n, timeout=0))
        if n == 5:
            # One answer, so that all before it has been done.
            prober.sock.send(request(b"uhttp://127.0.0.1:1/\0", id=0))
            assert reply(prober)[1] == 0
            before = len(os.listdir(fds))
    prober.sock.send(request(b"uhttp://127.0.0.1:1/\0", id=0))
    assert reply(prober)[1] == 0
    harness.wait_for(lambda: len(os.listdir(fds)) <= before, "no descriptors")


def test_no_descriptors_or_memory_are_lost(prober, web):  # noqa: F811
    s = web.serve(respond())
    sizes = []
    for n in range(600):
        prober.sock.send(request(b"uhttp://127.0.0.1:%d/\0" % s.port, id=n,
                                 timeout=20 * SECOND))
        assert reply(prober)[:2] == (0, n)
        if n in (99, 599):
            with contextlib.suppress(OSError), \
                    open(f"/proc/{prober.pid}/statm") as f:
                sizes.append(int(f.read().split()[1]))
                sizes.append(len(os.listdir(f"/proc/{prober.pid}/fd")))
    if sizes:
        assert sizes[3] <= sizes[1], "descriptors"
        # What is freed is kept for a while where that is watched.
        with open(f"/proc/{prober.pid}/exe", "rb") as f:
            watched = b"__asan_init" in f.read()
        if not watched:
            assert sizes[2] <= sizes[0] + 64, "pages"
