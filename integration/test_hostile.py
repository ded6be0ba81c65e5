# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Bytes from services, peers and command lines must not steer a terminal, and
# odd configuration files must not upset the parser.

import os
import random

import pytest

from harness import quote, service, wait_for

ESC = "\x1b]0;owned\x07\x1b[31m\x9b2J"
RAW = (b"\x1b", b"\x07", b"\x9b2J", b"\r")


def clean(data):
    """Nothing but text: no controls besides the newline."""
    assert not any(r in data for r in RAW), data
    assert not any(b < 32 and b not in b"\n\t" for b in data), data


def everything(dw):
    out = [dw.cli("status", text=False), dw.cli("status", "-j", text=False)]
    return [d for r in out for d in (r.out, r.err)]


def test_an_answer_with_escapes(lab):
    server = lab.server(args=["-A", ESC + "\r\n"])
    dw = lab.daemonwatch(
        service("web", start=server.argv, restart_when="not process",
                start_timeout="500ms",
                tcp={"port": {"address": server.address, "interval": "500ms",
                              "timeout": "500ms", "fall": 1,
                              "send": '"PING\\r\\n"', "expect": "'^OK'"}})
    ).start_foreground()
    server.wait_serving()
    wait_for(lambda: dw.check("web", "port")["state"] == "failed", "failed")
    dw.wait_said("web.*port")
    for data in everything(dw):
        clean(data)
    clean("\n".join(dw.lines).encode("utf-8", "surrogateescape"))


def test_output_of_a_service_with_escapes(lab):
    # It goes to the service's log as it is, and nowhere else.
    log = lab.path("web.log")
    server = lab.server(args=["-o", ESC])
    dw = lab.daemonwatch(
        service("web", start=server.argv, log=f'"{log}"')).start_foreground()
    server.wait_serving()
    dw.wait_up("web")
    wait_for(lambda: b"\x1b" in open(log, "rb").read(), "its output")
    for data in everything(dw):
        clean(data)
    clean("\n".join(dw.lines).encode("utf-8", "surrogateescape"))


def test_output_of_a_failing_hook_with_escapes(lab):
    hook = lab.script("hook.sh", "printf '\\033]0;owned\\007\\033[31m' >&2\n"
                      "exit 1")
    dw = lab.daemonwatch(
        service("web", start=["/bin/sleep", "1000"], before_start=[hook],
                backoff="50ms..100ms")).start_foreground()
    dw.wait_said("before-start")
    for data in everything(dw):
        clean(data)
    # What the hook itself wrote to its standard error is another matter when
    # daemonwatch runs in the foreground; our own lines are clean.
    clean("\n".join(l for l in dw.lines if "daemonwatch:" in l
                    and not l.startswith("\x1b")).encode())


def test_a_name_on_the_command_line_with_escapes(lab):
    server = lab.server()
    dw = lab.daemonwatch(service("web", start=server.argv)).start_foreground()
    server.wait_serving()
    dw.wait_up("web")
    for verb in ("stop", "start", "restart"):
        r = dw.cli(verb, ESC, text=False)
        assert r.rc == 1
        clean(r.out)
        clean(r.err)
    for args in ((ESC,), ("stop", "--timeout", ESC), ("status", "--" + ESC),
                 ("watch", "--every", ESC), ("watch", "--name", ESC)):
        r = dw.raw(dw.bin, *args, text=False)
        assert r.rc == 2
        clean(r.err)


@pytest.mark.parametrize("text", [
    f"service {ESC} {{\n}}\n",
    f'service web {{\n    {ESC} = 1\n}}\n',
    f'service web {{\n    start = {{"/no/{ESC}"}}\n}}\n',
    f'service web {{\n    interval = "{ESC}"\n}}\n',
    f'include "/{ESC}/*.conf"\nservice web {{ fnord }}\n'])
def test_a_configuration_with_escapes(lab, text):
    dw = lab.daemonwatch(text)
    r = dw.cli("check", text=False)
    assert r.rc == 1
    clean(r.out)
    clean(r.err)


def test_a_configuration_named_with_escapes(lab):
    dw = lab.daemonwatch("service web {\n    fnord = 1\n}\n",
                         name="\x1b[31m.conf")
    r = dw.cli("check", text=False)
    assert r.rc == 1
    clean(r.err)


def test_a_process_with_escapes_on_its_command_line(lab):
    server = lab.server(style="daemon", args=["-A", ESC])
    dw = lab.daemonwatch(
        service("web", type="detached", start=server.start,
                pidfile=f'"{server.pidfile}"', on_exit="stop")
    ).start_foreground()
    server.wait_serving()
    dw.wait_up("web")
    for data in everything(dw):
        clean(data)
    clean("\n".join(dw.lines).encode("utf-8", "surrogateescape"))


def garbage(seed, n):
    r = random.Random(seed)
    words = [b"service", b"{", b"}", b"=", b'"', b"'", b"tcp", b"start",
             b"\n", b" ", b"#", b"\\", b"..", b"5s", b"not", b"(", b")", b",",
             b"\0", b"\xff\xfe", b"include", b"defaults"]
    return b"".join(r.choice(words) for _ in range(n))


@pytest.mark.parametrize("data", [
    b"\0", b"\xff" * 1000, b"{" * 100000, b"(" * 100000,
    b"service a { restart-when = " + b"(" * 100000,
    b"service a { restart-when = " + b"not " * 100000 + b"process }",
    b'service a { start = "' + b"x" * 1000000 + b'" }',
    b"service " + b"a" * 1000000 + b" {}",
    b"a = " + b"9" * 100000, b"include /dev/zero\n", b"\r\n" * 1000,
    b"service a {\xef\xbb\xbf}", *(garbage(i, 500) for i in range(20))],
    ids=lambda d: f"{len(d)}-bytes")
def test_odd_configurations(lab, data):
    dw = lab.daemonwatch("")
    with open(dw.conf, "wb") as f:
        f.write(data)
    r = dw.cli("check", text=False)
    # An error with its place, or (an empty one) fine; never a signal.
    assert r.rc in (0, 1), r
    if r.rc == 1:
        assert os.fsencode(dw.conf) in r.err or b"/dev/zero" in r.err
        assert len(r.err) < 1000000


def test_includes_that_include_themselves(lab):
    dw = lab.daemonwatch("")
    with open(dw.conf, "w", encoding="ascii") as f:
        f.write(f"include {quote(dw.conf)}\n")
    r = dw.cli("check")
    assert r.rc == 1 and dw.conf in r.err, r


@pytest.mark.parametrize("kind", ["directory", "fifo", "device"])
def test_configuration_is_no_file(lab, kind):
    dw = lab.daemonwatch("")
    os.unlink(dw.conf)
    if kind == "directory":
        os.mkdir(dw.conf)
    elif kind == "fifo":
        os.mkfifo(dw.conf)
    else:
        os.symlink("/dev/zero", dw.conf)
    r = dw.cli("check")
    assert r.rc == 1 and dw.conf in r.err, r
