# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# The command line: verbs, exit statuses, configuration errors.

import os
import re
import signal
import socket
import subprocess
import time

import pytest

from harness import (Daemonwatch, alive, answers, descendants_of, kill_and_wait,
                     service, wait_for)

EX_CONFIG = 78


@pytest.fixture
def server(lab):
    return lab.server()


@pytest.fixture
def web(lab, server):
    return lab.daemonwatch(service("web", start=server.argv))


# -- usage

@pytest.mark.parametrize("argv", [
    [], ["frobnicate"], ["status", "--no-such-option"], ["run", "-f"],
    ["-j"], ["check", "-f"], ["wait"], ["run", "extra-word"],
    ["stop", "-f", "x", "-Q"],
])
def test_usage_errors_are_2(lab, web, argv):
    r = web.raw(web.bin, *argv)
    assert r.rc == 2, r
    assert "usage" in r.err.lower() and r.out == ""


def test_a_near_miss_of_a_verb(lab, web):
    r = web.raw(web.bin, "statsu")
    assert r.rc == 2 and "status" in r.err


# -- status

def test_status_of_nothing_is_3(web):
    r = web.cli("status")
    assert r.rc == 3
    assert "not running" in r.both
    assert web.status_result().rc == 3


def test_status_of_a_running_one_is_0(lab, web, server):
    web.start_foreground()
    server.wait_serving()
    web.wait_up("web")
    r = web.cli("status")
    assert r.rc == 0, r
    line, = [l for l in r.out.splitlines() if "web" in l]
    assert "up" in line and str(server.pid) in line
    s = web.status()
    assert s["pid"] == web.proc.pid
    if lab.session.poller:
        assert s["poller"] == lab.session.poller


def test_status_of_a_killed_one_is_1(lab, web, server):
    lab.may_leave = True
    web.start_foreground()
    server.wait_serving()
    web.kill9()
    r = web.cli("status")
    assert r.rc == 1, r
    assert "dead" in r.both or "pidfile" in r.both.lower()
    assert web.status_result().rc == 1


def test_status_of_a_hung_one_is_4(lab, web, server):
    web.start_foreground()
    server.wait_serving()
    web.proc.send_signal(signal.SIGSTOP)
    try:
        r = web.cli("status", timeout=30)
    finally:
        web.proc.send_signal(signal.SIGCONT)
    assert r.rc == 4, r
    assert r.err != ""


def test_status_during_start_and_stop(lab):
    gate = lab.path("gate")
    os.mkfifo(gate)
    hook = lab.script("hook.sh", f"read line <{gate}")
    server = lab.server(args=["-T", 1000])
    dw = lab.daemonwatch(service("web", start=server.argv,
                                 before_start=[hook], hook_timeout="1h"))
    dw.start_foreground()
    dw.wait_state("web", "starting")
    assert dw.status_result().rc == 0
    with open(gate, "w", encoding="ascii") as f:
        f.write("\n")
    server.wait_serving()
    dw.wait_up("web")
    p = subprocess.Popen(dw.argv("stop", "web"), env=lab.env)
    try:
        dw.wait_state("web", "stopping")
        assert dw.status_result().rc == 0
    finally:
        p.wait()
    dw.wait_state("web", "stopped")


def test_runtime_directory_option(lab, server):
    # -r wins over the configuration, and needs none to find a running one.
    dw = lab.daemonwatch(service("web", start=server.argv))
    other = lab.path("elsewhere")
    os.mkdir(other)
    dw.start_foreground("-r", other, wait=False)
    server.wait_serving()
    wait_for(lambda: dw.raw(dw.bin, "status", "-r", other).rc == 0, "status")
    assert dw.status_result().rc == 3
    assert sorted(os.listdir(other)) != [] and os.listdir(dw.rundir) == []
    assert dw.raw(dw.bin, "stop", "-r", other).rc == 0
    assert dw.wait_exit() == 0


# -- start and stop

def test_second_start_is_refused(lab, web, server):
    assert web.cli("start").rc == 0
    pid = web.daemon_pid()
    for verb in ("start", "run"):
        r = web.cli(verb)
        assert r.rc == 1, r
        assert f"already running, pid {pid}" in r.err
    assert alive(pid) and web.daemon_pid() == pid
    assert server.count() == 1


def test_stop_of_nothing_is_said_and_no_error(web):
    r = web.cli("stop")
    assert r.rc == 0, r
    assert "not running" in r.err


def test_stop_ends_it_and_its_children(lab, web, server):
    assert web.cli("start").rc == 0
    pid = web.daemon_pid()
    family = descendants_of(pid)
    assert server.pid in family
    assert web.cli("stop").rc == 0
    # When stop returns they are gone.
    assert not alive(pid) and not any(alive(p) for p in family)
    assert not os.path.exists(os.path.join(web.rundir, "pid"))
    assert not os.path.exists(os.path.join(web.rundir, "control"))


def test_restart(lab, web, server):
    assert web.cli("start").rc == 0
    old = web.daemon_pid()
    assert web.cli("restart").rc == 0
    assert web.daemon_pid() != old and not alive(old)
    web.wait_up("web")


def test_restart_of_nothing_starts_it(lab, web, server):
    r = web.cli("restart")
    assert r.rc == 0, r
    server.wait_serving()
    web.wait_up("web")


@pytest.mark.parametrize("signo", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(web, server, signo):
    web.start_foreground()
    pid = server.wait_serving()
    assert web.terminate(signo) == 0
    assert not alive(pid)
    assert web.status_result().rc == 3


def test_a_hangup_while_stopping_changes_nothing(lab):
    # A second SIGTERM does: see test_regressions.py.
    server = lab.server(args=["-T", 700])
    dw = lab.daemonwatch(service("web", start=server.argv)).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    dw.proc.send_signal(signal.SIGTERM)
    wait_for(lambda: server.count("term") >= 1, "stopping")
    dw.proc.send_signal(signal.SIGHUP)
    assert dw.proc.wait(20) == 0
    assert not alive(pid) and server.count("exit") == 1


def test_racing_starts(lab, web, server):
    crowd = [subprocess.Popen(web.argv("start"), env=lab.env,
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
             for _ in range(10)]
    codes = []
    for p in crowd:
        p.wait(30)
        with p.stderr:
            # Not to the end of the file: the daemon may hold it till ready.
            err = p.stderr.readline()
        codes.append(p.returncode)
        if p.returncode != 0:
            assert "already running" in err, err
    assert sorted(codes) == [0] + [1] * 9
    web.wait_up("web")
    assert server.count() == 1
    daemons = [p for p in lab.marked()
               if os.path.realpath(f"/proc/{p}/exe") ==
               os.path.realpath(web.bin)]
    assert daemons == [web.daemon_pid()]


# -- configuration errors

BROKEN = [
    # text, line:column or None, words of the message
    ("service web {\n    strat = \"x\"\n}\n", "2:5", ["strat", "start"]),
    ("service web {\n    start = {\"/bin/true\"}\n", None, []),
    ("service web {\n    start = \"unclosed\n}\n", "2:", []),
    ("service web {\n    start = {\"/bin/true\"}\n    start = {\"/bin/true\"}"
     "\n}\n", "3:5", ["start"]),
    ("service a { start = {\"/bin/true\"} }\nservice a { start = "
     "{\"/bin/true\"} }\n", "2:", ["a"]),
    ("service web {\n    start = {\"/bin/true\"}\n    interval = 5x\n}\n",
     "3:16", ["5x"]),
    ("service web {\n    start = {\"/bin/true\"}\n    restart-when = not prot"
     "\n}\n", "3:", ["prot"]),
    ("service web {\n    start = {\"/no/such/program\"}\n}\n", "2:",
     ["/no/such/program"]),
    ("service web {\n}\n", "1:", ["start"]),
    ("service web {\n    start = \"a\\qb\"\n}\n", "2:", []),
    ("service web {\n    start = {\"/bin/true\"}\n    type = chidl\n}\n",
     "3:", ["chidl", "child"]),
    ("service web {\n    start = {\"/bin/true\"}\n    user = nosuchuser\n}\n",
     "3:", ["nosuchuser"]),
    ("service web {\n    start = {\"/bin/true\"}\n    tcp p { address = "
     "127.0.0.1:99999 }\n}\n", "3:", ["99999"]),
    ("service web {\n    type = detached\n    start = {\"/bin/true\"}\n"
     "    match = '('\n}\n", "4:", ["expression"]),
    ("}\n", "1:1", []),
]


def count_first_line(text):
    """The harness writes one line in front."""
    if text is None:
        return None
    line, _, column = text.partition(":")
    return f"{int(line) + 1}:{column}"


@pytest.mark.parametrize("text,where,words", BROKEN)
def test_configuration_errors(lab, text, where, words):
    dw = lab.daemonwatch(text)
    r = dw.cli("check")
    assert r.rc == 1, r
    place = f"{dw.conf}:{count_first_line(where) or ''}"
    assert place in r.err, r
    for word in words:
        assert word in r.err, r
    for verb in ("run", "start"):
        r = dw.cli(verb)
        assert r.rc == EX_CONFIG, r
        assert place in r.err
    assert dw.status_result().rc == 3


def test_all_errors_in_one_run(lab):
    dw = lab.daemonwatch(
        "service a {\n    strat = \"x\"\n    start = {\"/bin/true\"}\n}\n"
        "service b {\n    start = {\"/bin/true\"}\n    interval = soon\n}\n"
        "service c {\n    start = {\"/bin/true\"}\n    fnord = 1\n}\n")
    r = dw.cli("check")
    places = re.findall(re.escape(dw.conf) + r":(\d+):", r.err)
    assert {"3", "8", "12"} <= set(places), r.err


def test_check_says_ok(lab, web):
    r = web.cli("check")
    assert r.rc == 0 and "ok" in r.out and r.err == "", r


def test_check_d_can_be_read_again(lab, server):
    dw = lab.daemonwatch(
        service("web", start=server.argv, backoff="1s..2m", umask="027",
                env=["A=b\"c\\d"], log='"/tmp/x y"',
                restart_when="not process and (not port or port.failed)",
                tcp={"port": {"address": server.address, "timeout": "1500ms",
                              "send": '"PING\\r\\n"',
                              "expect": "'^\\+PONG'"}}),
        service("det", type="detached", start='"/bin/true && x"',
                match="'a.*b'", count="1..4", stop=["/bin/true"]))
    first = dw.cli("check", "-d")
    assert first.rc == 0, first
    path = lab.write("again.conf", first.out)
    again = dw.raw(dw.bin, "check", "-d", "-f", path)
    assert again.rc == 0, again
    assert again.out == first.out


def test_configuration_missing(lab, web):
    os.unlink(web.conf)
    for verb in ("run", "start", "check"):
        r = web.cli(verb)
        assert r.rc != 0 and web.conf in r.err, r
        assert "No such file" in r.err


def test_a_broken_configuration_disturbs_nobody(lab, web, server):
    assert web.cli("start").rc == 0
    web.wait_up("web")
    pid, spid = web.daemon_pid(), server.pid
    with open(web.conf, "a", encoding="ascii") as f:
        f.write("service {\n")
    for verb in ("start", "restart", "run", "check"):
        r = web.cli(verb)
        assert r.rc != 0, (verb, r)
    assert alive(pid) and alive(spid) and server.count() == 1
    assert web.raw(web.bin, "status", "-r", web.rundir).rc == 0
    # It can be stopped all the same.
    assert web.raw(web.bin, "stop", "-r", web.rundir).rc == 0
    assert not alive(pid)


def test_include(lab, server):
    os.makedirs(lab.path("conf.d"))
    lab.write("conf.d/20.conf", service("two", start=["/bin/sleep", "1000"]))
    lab.write("conf.d/10.conf", service("one", start=server.argv))
    lab.write("conf.d/30.other", "this is not read\n")
    dw = lab.daemonwatch(f"include {lab.dir}/conf.d/*.conf\n")
    dw.start_foreground()
    dw.wait_up("one", "two")
    assert [s["name"] for s in dw.status()["services"]] == ["one", "two"]


def test_error_in_an_included_file(lab):
    os.makedirs(lab.path("conf.d"))
    bad = lab.write("conf.d/bad.conf", "service x {\n    fnord = 1\n}\n")
    dw = lab.daemonwatch(f"include {lab.dir}/conf.d/*.conf\n")
    r = dw.cli("check")
    assert r.rc == 1 and f"{bad}:2:5" in r.err, r


@pytest.mark.parametrize("mode", [0o666, 0o662, 0o646])
def test_a_file_that_others_can_write_is_refused(lab, web, mode):
    os.chmod(web.conf, mode)
    r = web.cli("run")
    assert r.rc == EX_CONFIG and web.conf in r.err, r
    assert "writ" in r.err


@pytest.mark.root
def test_a_file_of_somebody_else_is_refused(lab, web):
    os.chown(web.conf, 65534, 65534)
    r = web.cli("run")
    assert r.rc == EX_CONFIG and web.conf in r.err, r
    assert "65534" in r.err


# -- watch

def test_watch_without_a_file(lab, server):
    """J3 on the command line."""
    log = lab.path("watch.log")
    script = lab.server("scripted", style="script")
    with open(log, "wb") as f:
        p = lab.popen([
            lab.session.daemonwatch, "watch",
            "--match", f"-l {script.log} ",
            "--tcp", script.address, "--start", script.script,
            "--every", "30s"], stdout=f, stderr=f)
    lab.may_leave = True

    def up():
        with open(log, encoding="utf-8") as f:
            return len(re.findall(r" -> up\b", f.read()))
    script.wait_serving()
    wait_for(lambda: up() == 1, "up")
    kill_and_wait(script.pid)
    script.wait_serving(2)
    wait_for(lambda: up() == 2, "up again")
    p.terminate()
    assert p.wait(20) == 0
    assert script.count() == 2 and answers(script.port)


def test_watch_usage(lab, web):
    assert web.raw(web.bin, "watch").rc == 2
    assert web.raw(web.bin, "watch", "--match").rc == 2


# -- two side by side

def test_two_side_by_side(lab):
    one, two = lab.server("one"), lab.server("two")
    a = lab.daemonwatch(service("web", start=one.argv), name="a.conf",
                        rundir="a")
    b = lab.daemonwatch(service("web", start=two.argv), name="b.conf",
                        rundir="b")
    assert a.cli("start").rc == 0 and b.cli("start").rc == 0
    a.wait_up("web"), b.wait_up("web")
    assert a.cli("stop").rc == 0
    assert not alive(one.pid) and alive(two.pid)
    assert b.status_result().rc == 0
    assert isinstance(b, Daemonwatch)


# -- the control socket

def control(dw):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(10)
    s.connect(os.path.join(dw.rundir, "control"))
    return s


@pytest.mark.parametrize("junk", [
    b"\n", b"\0" * 100 + b"\n", b"{}\n", b"[1,2\n", b'{"version":99}\n',
    b"x" * 300000, b"\xff\xfe\n", b'{"version":1,"verb":"fnord"}\n',
    b'{"a":' * 3000 + b"\n"], ids=range(9))
def test_junk_on_the_control_socket(web, server, junk):
    web.start_foreground()
    server.wait_serving()
    web.wait_up("web")
    with control(web) as s:
        try:
            s.sendall(junk)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert web.status_result().rc == 0
    assert server.count() == 1


def test_silent_clients_hinder_nobody(web, server):
    web.start_foreground()
    server.wait_serving()
    web.wait_up("web")
    crowd = []
    try:
        for _ in range(30):
            s = control(web)
            s.sendall(b'{"half":')
            crowd.append(s)
        began = time.monotonic()
        assert web.status_result().rc == 0
        assert time.monotonic() - began < 5
        kill_and_wait(server.pid)
        server.wait_serving(2)
    finally:
        for s in crowd:
            s.close()


@pytest.mark.root
def test_nobody_has_no_control(lab, web, server):
    web.start_foreground()
    pid = server.wait_serving()
    web.wait_up("web")
    st = os.stat(os.path.join(web.rundir, "control"))
    assert st.st_mode & 0o777 == 0o600
    for verb, args in (("stop", []), ("stop", ["web"]), ("status", [])):
        r = web.cli(verb, *args, user=65534, group=65534, extra_groups=[])
        assert r.rc != 0 and r.err, (verb, r)
    assert alive(pid) and web.state("web") == "up"
