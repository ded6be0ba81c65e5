# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Commands that are missing, fail, are killed or hang: said, retried with
# backoff, and never waited for by anybody else.

import os
import shutil
import signal

import pytest

from harness import (alive, kill_and_wait, monotonic_ns, service, wait_for)

BACKOFF = "50ms..100ms"


def lines(path):
    try:
        with open(path, encoding="ascii") as f:
            return f.read().split("\n")[:-1]
    except FileNotFoundError:
        return []


class Hook:
    """A script that writes down each run and then does something."""

    def __init__(self, lab, name, then):
        self.log = lab.path("open", name + ".runs")
        self.path = lab.script(name + ".sh", f"echo $$ >>{self.log}\n{then}")

    def runs(self):
        return [int(l) for l in lines(self.log)]

    def wait_runs(self, n, timeout=10):
        wait_for(lambda: len(self.runs()) >= n, f"run {n} of {self.path}",
                 timeout)


def test_start_command_missing(lab):
    # There when the configuration was read, gone later.
    program = lab.path("server-program")
    shutil.copy(lab.fakeserver, program)
    server = lab.server(program=program)
    clock = lab.server("clock", args=["-t", 0])
    dw = lab.daemonwatch(
        service("web", start=server.argv, backoff=BACKOFF),
        service("clock", start=clock.argv, backoff=BACKOFF)
    ).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    os.rename(program, program + ".away")
    kill_and_wait(pid)
    dw.wait_said("web.*No such file or directory")
    clock.wait_starts(clock.count() + 10)   # ten more tries, about
    # Said, but not once for each try: repeats are counted.
    said = [l for l in dw.said("No such file or directory")
            if " -> " not in l]
    assert len(said) <= 6, said
    assert "No such file" in dw.service("web")["cause"]
    os.rename(program + ".away", program)
    server.wait_serving(2)
    dw.wait_up("web")


def test_start_command_not_executable(lab):
    program = lab.path("server-program")
    shutil.copy(lab.fakeserver, program)
    server = lab.server(program=program)
    dw = lab.daemonwatch(
        service("web", start=server.argv, backoff=BACKOFF)
    ).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    os.chmod(program, 0o644)
    kill_and_wait(pid)
    dw.wait_said("web.*Permission denied")
    os.chmod(program, 0o755)
    server.wait_serving(2)
    dw.wait_up("web")


def test_start_command_is_no_program(lab):
    path = lab.write("junk", "\x7fELF junk", 0o755)
    dw = lab.daemonwatch(
        service("web", start=[path], backoff=BACKOFF)).start_foreground()
    dw.wait_said("web.*Exec format error")
    assert dw.state("web") != "up"


def test_shell_command(lab):
    server = lab.server()
    dw = lab.daemonwatch(
        service("web", start='"exec ' + " ".join(server.argv) + '"')
    ).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    assert dw.service("web")["pids"] == [pid]


@pytest.mark.parametrize("then,why", [
    ("exit 3", "3"),
    ("kill -9 $$", "kill"),
])
def test_start_command_of_a_detached_service_fails(lab, then, why):
    hook = Hook(lab, "start", then)
    dw = lab.daemonwatch(
        service("web", type="detached", start=[hook.path],
                pidfile=f'"{lab.path("web.pid")}"', backoff=BACKOFF)
    ).start_foreground()
    hook.wait_runs(4)
    e = wait_for(lambda: [e for e in dw.events("web", frm="starting")
                          if why in e.cause.lower()], f"cause with {why}")
    assert e
    assert not dw.events("web", to="up")


def test_start_command_of_a_detached_service_hangs(lab):
    hook = Hook(lab, "start", "sleep 1000 & wait")
    other = lab.server("other")
    dw = lab.daemonwatch(
        service("web", type="detached", start=[hook.path],
                pidfile=f'"{lab.path("web.pid")}"', backoff=BACKOFF,
                start_timeout="400ms", on_exit="stop"),
        service("other", start=other.argv)).start_foreground()
    hook.wait_runs(1)
    # The loop waits for nothing: the other one is served meanwhile.
    pid = other.wait_serving()
    kill_and_wait(pid)
    other.wait_serving(2)
    hook.wait_runs(3)
    # Killed, and what it started with it.
    first = hook.runs()[0]
    assert not alive(first)
    wait_for(lambda: len([p for p in lab.marked()
                          if is_sleep(p)]) <= 1, "only one sleeper")
    dw.wait_said("web.*(time|second|after)")


def is_sleep(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as f:
            return f.read().strip() == "sleep"
    except OSError:
        return False


def test_before_start_runs_before_each_start(lab):
    order = lab.path("open", "order")
    server = lab.server()
    before = lab.script("before.sh", f"wc -l <{server.log} >>{order} "
                        "|| echo 0 >>" + order)
    dw = lab.daemonwatch(
        service("web", start=server.argv, before_start=[before],
                backoff="10ms..10ms")).start_foreground()
    for n in (1, 2, 3):
        kill_and_wait(server.wait_serving(n))
        wait_for(lambda: len(lines(order)) == n + 1, f"hook run {n + 1}")
    server.wait_serving(4)
    dw.wait_up("web")
    assert len(lines(order)) == 4


def test_before_start_failing_prevents_the_start(lab):
    ok = lab.path("open", "ok")
    hook = Hook(lab, "before", f"test -e {ok}")
    server = lab.server()
    dw = lab.daemonwatch(
        service("web", start=server.argv, before_start=[hook.path],
                backoff=BACKOFF)).start_foreground()
    hook.wait_runs(4)
    assert server.count() == 0
    dw.wait_said("web.*before-start")
    open(ok, "w", encoding="ascii").close()
    server.wait_serving()
    dw.wait_up("web")


def test_before_start_failures_back_off(lab):
    hook = Hook(lab, "before", "exit 1")
    times = lab.path("open", "times")
    stamp = lab.server("stamp", args=["-l", times, "-t", 0])
    script = lab.script("before2.sh", " ".join(stamp.argv) + "\nexit 1")
    dw = lab.daemonwatch(
        service("web", start=["/bin/sleep", "1000"], before_start=[script],
                backoff="100ms..400ms")).start_foreground()
    wait_for(lambda: sum(l.startswith("start") for l in lines(times)) >= 5,
             "five tries")
    ns = [int(l.split()[2]) for l in lines(times) if l.startswith("start")]
    gaps = [(b - a) / 1e6 for a, b in zip(ns, ns[1:])]
    # Whether the first retry is immediate or delayed, they grow.
    assert gaps[1] >= 89 and gaps[2] >= 178 and gaps[3] >= 356, gaps
    assert hook.runs() == [] and dw.state("web") != "up"


def test_before_start_hanging_is_killed_at_hook_timeout(lab):
    hook = Hook(lab, "before", "sleep 1000 & wait")
    other = lab.server("other")
    server = lab.server()
    dw = lab.daemonwatch(
        service("web", start=server.argv, before_start=[hook.path],
                hook_timeout="300ms", backoff=BACKOFF),
        service("other", start=other.argv)).start_foreground()
    pid = other.wait_serving()
    hook.wait_runs(1)
    kill_and_wait(pid)
    other.wait_serving(2)
    hook.wait_runs(3)
    assert not alive(hook.runs()[0])
    assert server.count() == 0
    dw.wait_said("web.*before-start")
    wait_for(lambda: len([p for p in lab.marked() if is_sleep(p)]) <= 1,
             "the hook's own children killed as well")


def test_a_stop_while_a_hook_hangs(lab):
    hook = Hook(lab, "before", "exec sleep 1000")
    dw = lab.daemonwatch(
        service("web", start=["/bin/sleep", "1000"],
                before_start=[hook.path], hook_timeout="1h",
                stop_timeout="500ms")).start_foreground()
    hook.wait_runs(1)
    assert dw.cli("stop", "web").rc == 0
    dw.wait_state("web", "stopped")
    wait_for(lambda: not alive(hook.runs()[0]), "the hook ended")


def test_daemonwatch_ends_while_a_hook_hangs(lab):
    hook = Hook(lab, "before", "trap '' TERM\nsleep 1000 & wait\nwait")
    dw = lab.daemonwatch(
        service("web", start=["/bin/sleep", "1000"],
                before_start=[hook.path], hook_timeout="500ms",
                stop_timeout="500ms")).start_foreground()
    hook.wait_runs(1)
    assert dw.terminate() == 0
    # The fixture sees to it that nothing is left.


def test_stop_command(lab):
    server = lab.server()
    hook = Hook(lab, "stop", f"kill $(sed -n 's/^start \\([0-9]*\\) .*/\\1/p' "
                f"{server.log} | tail -1)")
    dw = lab.daemonwatch(
        service("web", start=server.argv, stop=[hook.path])
    ).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    assert dw.terminate() == 0
    assert len(hook.runs()) == 1 and not alive(pid)
    assert server.count("term") == 1


def test_stop_command_hanging(lab):
    server = lab.server()
    other = lab.server("other")
    hook = Hook(lab, "stop", "sleep 1000 & wait")
    dw = lab.daemonwatch(
        service("web", start=server.argv, stop=[hook.path],
                stop_timeout="700ms"),
        service("other", start=other.argv)).start_foreground()
    pid = server.wait_serving()
    other_pid = other.wait_serving()
    dw.wait_up("web", "other")
    began = monotonic_ns()
    dw.cli("stop", "web")
    hook.wait_runs(1)
    kill_and_wait(other_pid)
    other.wait_serving(2)
    dw.wait_state("web", "stopped")
    assert monotonic_ns() - began > 600e6
    assert not alive(pid) and not alive(hook.runs()[0])


def test_after_stop_runs_after_the_end(lab):
    server = lab.server()
    seen = lab.path("open", "seen")
    after = lab.script("after.sh", f"tail -1 {server.log} >>{seen}")
    dw = lab.daemonwatch(
        service("web", start=server.argv, after_stop=[after])
    ).start_foreground()
    server.wait_serving()
    dw.wait_up("web")
    assert dw.cli("stop", "web").rc == 0
    dw.wait_state("web", "stopped")
    assert [l.split()[0] for l in lines(seen)] == ["exit"]


def test_after_stop_hanging_is_killed(lab):
    server = lab.server()
    hook = Hook(lab, "after", "exec sleep 1000")
    dw = lab.daemonwatch(
        service("web", start=server.argv, after_stop=[hook.path],
                hook_timeout="300ms")).start_foreground()
    server.wait_serving()
    dw.wait_up("web")
    assert dw.cli("stop", "web").rc == 0
    dw.wait_state("web", "stopped", "failed")
    hook.wait_runs(1)
    wait_for(lambda: not alive(hook.runs()[0]), "the hook killed")


def test_commands_run_as_the_service_does(lab):
    out = lab.path("open", "env")
    cwd = lab.path("place")
    os.mkdir(cwd)
    before = lab.script("before.sh", f"(pwd; umask; echo $COLOUR) >{out}")
    server = lab.server()
    dw = lab.daemonwatch(
        service("web", start=server.argv, before_start=[before],
                cwd=f'"{cwd}"', umask="027", env=["COLOUR=blue"])
    ).start_foreground()
    server.wait_serving()
    dw.wait_up("web")
    got = lines(out)
    assert got[0] == cwd and got[1].endswith("027") and got[2] == "blue"


def test_many_hooks_at_once(lab):
    """Fifty hanging hooks, and a fifty-first service as quick as ever."""
    hooks = [Hook(lab, f"h{n}", "exec sleep 1000") for n in range(50)]
    server = lab.server()
    dw = lab.daemonwatch(
        *[service(f"h{n}", start=["/bin/sleep", "1000"],
                  before_start=[h.path], hook_timeout="1h",
                  stop_timeout="500ms")
          for n, h in enumerate(hooks)],
        service("web", start=server.argv)).start_foreground()
    for h in hooks:
        h.wait_runs(1)
    pid = server.wait_serving()
    kill_and_wait(pid, signal.SIGKILL)
    server.wait_serving(2)
    assert dw.terminate() == 0


def test_after_start_is_the_last_step_of_a_start(lab):
    server, out, go = lab.server(), lab.path("out"), lab.path("go")
    dw = lab.daemonwatch(service(
        "web", start=server.argv, ready="port",
        tcp={"port": {"address": f"127.0.0.1:{server.port}"}},
        after_start=["sh", "-c", f"echo ran >> {out}; "
                     f"while [ ! -e {go} ]; do sleep 0.02; done"])
    ).start_foreground()
    pid = server.wait_serving()
    wait_for(lambda: os.path.exists(out), "after-start")
    s = dw.service("web")
    assert s["state"] == "starting" and s["phase"] == "after-start"
    open(go, "w", encoding="ascii").close()
    dw.wait_up("web")
    kill_and_wait(pid)
    server.wait_serving(2)
    dw.wait_up("web")
    with open(out, encoding="ascii") as f:
        assert f.read() == "ran\nran\n"


@pytest.mark.parametrize("command, why", [
    ("exit 3", "exited with status 3"),
    ("sleep 1000", "did not end in time and was killed")])
def test_after_start_that_fails_or_hangs(lab, command, why):
    server = lab.server()
    dw = lab.daemonwatch(service(
        "web", start=server.argv, hook_timeout="200ms",
        after_start=["sh", "-c", command])).start_foreground()
    e = dw.wait_event("web", "stopping", "starting")
    assert "after-start" in e.cause and why in e.cause
    server.wait_starts(2)
    assert not dw.events("web", to="up")


def test_service_that_dies_during_after_start(lab):
    server = lab.server()
    dw = lab.daemonwatch(service(
        "web", start=server.argv, after_start=["sleep", "1000"])
    ).start_foreground()
    kill_and_wait(server.wait_serving())
    e = dw.wait_event("web", frm="starting")
    assert "ended before it was ready" in e.cause
    server.wait_serving(2)
