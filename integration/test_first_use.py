# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# What somebody stumbled over who had only the manual: one test for each, named
# after it.

import fcntl
import os
import pty
import signal
import termios

import pytest

from harness import alive, service, wait_for


@pytest.fixture
def sleeper(lab):
    return lab.daemonwatch(service("web", start=["/bin/sleep", "1000"]))


@pytest.mark.parametrize("argv,words", [
    (["strat"], "no such verb: strat: did you mean 'start'?"),
    (["run", "-vx"], "unknown option: -x"),
    (["run", "--bogus"], "unknown option: --bogus"),
    (["check", "-f"], "the value of this option is missing: -f"),
    (["run", "--json=1"], "this option takes no value: --json=1"),
    (["check", "x.conf"], "a configuration is named by -f"),
    (["status", "--keep"], "status does not take --keep"),
    (["watch", "--strat", "x"], "unknown option: --strat"),
    (["watch", "--start"], "the value of this option is missing: --start"),
])
def test_what_was_wrong_was_buried_in_the_usage(sleeper, argv, words):
    r = sleeper.raw(sleeper.bin, *argv)
    lines = r.err.splitlines()
    assert r.rc == 2 and r.out == ""
    assert lines[0] == "daemonwatch: " + words or words in lines[0]
    assert lines[1].startswith("usage: daemonwatch ") and len(lines) <= 6


@pytest.mark.parametrize("argv", [["--help"], ["watch", "--help"]])
def test_help_was_an_error_or_too_wide(sleeper, argv):
    r = sleeper.raw(sleeper.bin, *argv)
    assert r.rc == 0 and r.err == ""
    assert max(len(line) for line in r.out.splitlines()) < 80


def test_timeout_without_a_unit_was_seconds(sleeper):
    r = sleeper.cli("stop", "--timeout", "5")
    assert r.rc == 2 and "the unit is missing" in r.err
    # It is written as in the configuration.
    assert sleeper.cli("stop", "--timeout", "1m30s").rc == 0


@pytest.mark.parametrize("argv", [
    ["start", "-w"], ["start", "--timeout", "5s"], ["stop", "-w"],
    ["restart", "-w"],
])
def test_wait_without_names_was_ignored(sleeper, argv):
    r = sleeper.cli(*argv)
    assert r.rc == 2 and "without names" in r.err
    assert sleeper.status_result().rc == 3


def test_held_service_was_stopped_since_the_machine_was_booted(sleeper):
    sleeper.start_foreground()
    sleeper.wait_up("web")
    assert sleeper.cli("stop", "-w", "web").rc == 0
    assert sleeper.cli("stop", "--keep").rc == 0
    sleeper.wait_exit()
    sleeper.start_foreground()
    web = sleeper.service("web")
    # CI's machines may be young themselves, but not by the second.
    with open("/proc/uptime", encoding="ascii") as f:
        uptime_ms = float(f.read().split()[0]) * 1000
    assert web["state"] == "stopped"
    assert web["since_ms"] < min(30000, uptime_ms - 1000)


def test_missing_prober_was_not_said_by_start(lab):
    empty = lab.path("empty")
    os.mkdir(empty)
    lab.env["DAEMONWATCH_LIBEXECDIR"] = empty
    server = lab.server()
    dw = lab.daemonwatch(service(
        "web", start=server.argv, ready="port", start_timeout="1s",
        tcp={"port": {"address": server.address}}))
    r = dw.cli("start")
    assert r.rc == 0
    said = [l for l in r.err.splitlines() if "prober" in l]
    assert len(said) == 1 and "No such file" in said[0], r


def test_run_outlived_its_terminal(lab):
    log = lab.path("dw.own.log")
    dw = lab.daemonwatch(f'log = "{log}"\n',
                         service("web", start=["/bin/sleep", "1000"]))
    master, slave = pty.openpty()

    def take_terminal():
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    p = lab.popen(dw.argv("run"), stdin=slave, stdout=slave, stderr=slave,
                  preexec_fn=take_terminal)
    os.close(slave)
    wait_for(lambda: dw.status_result().rc == 0, "daemonwatch running")
    dw.wait_up("web")
    pid, = dw.service("web")["pids"]
    # With a terminal SIGHUP is what it always was.
    os.kill(p.pid, signal.SIGHUP)
    assert dw.state("web") == "up" and p.poll() is None
    os.close(master)
    assert p.wait(10) == 0 and not alive(pid)
    with open(log, encoding="utf-8") as f:
        assert "the terminal is gone" in f.read()


@pytest.mark.root
def test_stop_said_not_running_where_it_may_not_look(sleeper, lab):
    sleeper.start_foreground()
    sleeper.wait_up("web")
    os.chmod(sleeper.rundir, 0o700)
    for verb, args in (("stop", []), ("stop", ["web"]), ("status", [])):
        r = sleeper.cli(verb, *args, user=65534, group=65534, extra_groups=[])
        assert r.rc != 0 and "not running" not in r.err, (verb, r)
        assert f"{sleeper.rundir}: Permission denied" in r.err, (verb, r)


def test_prober_user_root_was_accepted(lab):
    dw = lab.daemonwatch("prober-user = root\n",
                         service("web", start=["/bin/sleep", "1000"]))
    r = dw.cli("check")
    assert r.rc == 1 and "prober-user cannot be 'root'" in r.err


def test_command_not_found_was_only_a_number(lab):
    dw = lab.daemonwatch(service("web", start=[
        "/bin/sh", "-c", "/no/such/program"]))
    dw.start_foreground()
    wait_for(lambda: "command not found?" in dw.service("web")["cause"],
             "the cause says it")


def test_status_of_a_bad_pidfile_was_an_errno(sleeper):
    os.mkdir(os.path.join(sleeper.rundir, "pid"))
    r = sleeper.cli("status")
    assert r.rc == 4 and "its pidfile is not a regular file" in r.err
    r = sleeper.status_result()
    assert r.rc == 4 and "pidfile" in sleeper.status()["error"]
