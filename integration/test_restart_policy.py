# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Whether a service that has ended is started again: restart, success-exit,
# restart-on, no-restart-on, on-start-timeout; and critical.

import os
import signal
import socket

import pytest

from harness import (alive, children_of, kill, kill_and_wait, service,
                     wait_for)


def ending(lab, how, name="job"):
    """A program that says that it ran, and ends."""
    log = lab.path("open", name + ".ran")
    script = lab.script(name + ".sh", f"echo $$ >>{log}\n{how}")

    def runs():
        try:
            with open(log, encoding="ascii") as f:
                return len(f.read().split())
        except FileNotFoundError:
            return 0
    return [script], runs


@pytest.mark.parametrize("keys, how, state", [
    ({"restart": "never"}, "exit 0", "stopped"),
    ({"restart": "never"}, "exit 1", "failed"),
    ({"restart": "never"}, "kill -SEGV $$", "failed"),
    ({"restart": "on-failure"}, "exit 0", "stopped"),
    ({"restart": "on-failure"}, "kill -TERM $$", "stopped"),
    ({"restart": "on-failure", "success_exit": "{0, 3}"}, "exit 3", "stopped"),
    ({"restart": "on-failure", "success_exit": "SEGV"}, "kill -SEGV $$",
     "stopped"),
    ({"restart": "on-failure", "no_restart_on": "{78}"}, "exit 78", "failed"),
    ({"no_restart_on": "{0, KILL}"}, "exit 0", "stopped"),
    ({"no_restart_on": "{0, KILL}"}, "kill -KILL $$", "failed"),
])
def test_not_started_again(lab, keys, how, state):
    start, runs = ending(lab, how)
    dw = lab.daemonwatch(service(
        "job", start=start, backoff="1ms..1ms", **keys)).start_foreground()
    s = dw.wait_state("job", state)
    assert s["wanted"] == (state == "failed")
    assert "not started again" in s["cause"]
    assert runs() == 1
    # An operator may have it run once more.
    assert dw.cli("start", "job").rc == 0
    wait_for(lambda: runs() == 2, "a second run")
    dw.wait_event("job", to=state, n=2)
    assert runs() == 2


@pytest.mark.parametrize("keys, how", [
    ({}, "exit 0"),
    ({"restart": "always"}, "exit 1"),
    ({"restart": "on-failure"}, "exit 1"),
    ({"restart": "on-failure"}, "kill -KILL $$"),
    ({"restart": "on-failure", "success_exit": "{3}"}, "exit 0"),
    ({"restart": "never", "restart_on": "{75, USR1}"}, "exit 75"),
    ({"restart": "never", "restart_on": "{75, USR1}"}, "kill -USR1 $$"),
])
def test_started_again(lab, keys, how):
    start, runs = ending(lab, how)
    lab.daemonwatch(service(
        "job", start=start, backoff="1ms..1ms", **keys)).start_foreground()
    wait_for(lambda: runs() >= 4, "four runs")


def test_detached_service_that_did_its_work(lab):
    # Its exit status is known, as orphans come to daemonwatch.
    server = lab.server(style="daemon", args=["-n", 1, "-x", 0])
    dw = lab.daemonwatch(service(
        "web", type="detached", pidfile=server.pidfile, start=server.argv,
        restart="on-failure", on_exit="stop",
        after_stop=f'"echo x >>{lab.path("open", "after")}"',
    )).start_foreground()
    server.wait_serving()
    dw.wait_state("web", "up")
    socket.create_connection(("127.0.0.1", server.port)).close()
    s = dw.wait_state("web", "stopped")
    assert "exited with status 0" in s["cause"] and not s["wanted"]
    assert server.count() == 1
    assert os.path.exists(lab.path("open", "after"))


def test_a_requirement_that_did_its_work(lab):
    start, runs = ending(lab, "exit 0", "migrate")
    web = lab.server("web")
    dw = lab.daemonwatch(
        service("migrate", start=start, restart="on-failure"),
        service("web", start=web.argv, requires="migrate")
    ).start_foreground()
    pid = web.wait_serving()
    dw.wait_state("migrate", "stopped")
    dw.wait_up("web")
    assert runs() == 1 and web.pid == pid
    assert dw.cli("restart", "-w", "web").rc == 0
    dw.wait_up("web")
    assert runs() == 1, "it is not needed a second time"


def test_work_done_is_not_done_again_by_the_next_daemonwatch(lab):
    start, runs = ending(lab, "exit 0")
    dw = lab.daemonwatch(
        service("job", start=start, restart="on-failure")).start_foreground()
    dw.wait_state("job", "stopped")
    dw.kill9()
    dw.start_foreground()
    s = dw.wait_state("job", "stopped")
    assert s["cause"] == "had done its work before" and runs() == 1
    assert dw.cli("start", "job").rc == 0
    wait_for(lambda: runs() == 2, "a second run")


def test_late_start_fails(lab):
    server = lab.server(mode="refuses")
    dw = lab.daemonwatch(service(
        "web", start=server.argv, ready="port", start_timeout="300ms",
        on_start_timeout="fail", tcp={"port": {"address": server.address}}
    )).start_foreground()
    s = dw.wait_state("web", "failed")
    assert "not ready within 300ms" in s["cause"]
    assert not server.alive_pids() and server.count() == 1


def test_never_leaves_alone_what_hangs(lab):
    server = lab.server()
    dw = lab.daemonwatch(service(
        "web", start=server.argv, restart="never", tcp={"port": {
            "address": server.address, "interval": "100ms",
            "timeout": "100ms", "fall": 1, "send": '"x\\n"',
            "expect": "'.'"}})).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    server.set_mode("silent")
    dw.wait_state("web", "failing")
    assert dw.check("web", "port")["state"] == "failed"
    assert alive(pid)
    kill_and_wait(pid)
    dw.wait_state("web", "failed")


@pytest.mark.parametrize("how, status", [
    ("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 137)])
def test_critical_ends_run_with_its_status(lab, how, status):
    start, runs = ending(lab, how)
    other = lab.server("other")
    dw = lab.daemonwatch(
        service("other", start=other.argv),
        service("job", start=start, restart="never", critical=True,
                after="other"))
    dw.start_foreground(wait=False)
    assert dw.wait_exit() == status
    assert other.count("term") == 1 and not other.alive_pids()
    assert dw.said("job, which is critical, has")


def test_critical_that_gives_up(lab):
    start, runs = ending(lab, "exit 3")
    dw = lab.daemonwatch(service(
        "job", start=start, backoff="1ms..1ms", give_up="2 in 10m",
        critical=True))
    dw.start_foreground(wait=False)
    assert dw.wait_exit() == 3
    assert runs() == 3


def test_critical_that_is_stopped_by_an_operator(lab):
    server = lab.server()
    dw = lab.daemonwatch(service("web", start=server.argv, critical=True,
                                 restart="never")).start_foreground()
    server.wait_serving()
    dw.wait_up("web")
    assert dw.cli("stop", "-w", "web").rc == 0
    assert dw.state("web") == "stopped"
    assert dw.terminate() == 0


PID1 = ["unshare", "-pf", "--mount-proc"]


def can_unshare():
    return os.geteuid() == 0 and \
        os.spawnvp(os.P_WAIT, "unshare", [*PID1, "true"]) == 0


@pytest.mark.skipif(not can_unshare(), reason="no pid namespaces")
class TestPid1:
    def inside(self, dw, *argv):
        """A command in the namespace of the process 1 that dw is."""
        ns = next(p for p in self.family(dw.proc.pid))
        return dw.raw("nsenter", "-t", str(ns), "-p", "-m", *argv)

    @staticmethod
    def family(pid):
        wait_for(lambda: children_of(pid), "process 1")
        return children_of(pid)

    def begin(self, lab, *services):
        dw = lab.daemonwatch(*services)
        dw.prefix = PID1
        dw.start_foreground()
        return dw

    def test_strangers_are_reaped_and_stop_works(self, lab):
        server = lab.server()
        dw = self.begin(lab, service("web", start=server.argv))
        server.wait_starts(1)
        dw.wait_up("web")
        one = self.family(dw.proc.pid)[0]
        before = set(children_of(one))
        # Left behind by someone who entered: its parent is process 1.
        r = self.inside(dw, "sh", "-c", "sh -c 'sleep 0.2 & exit 0'")
        assert r.rc == 0
        wait_for(lambda: set(children_of(one)) == before,
                 "the stranger reaped")
        self.inside(dw, *dw.argv("stop"))
        assert dw.wait_exit() == 0
        assert server.count("term") == 1

    def test_critical_gives_the_container_its_status(self, lab):
        start, _ = ending(lab, "exit 5")
        dw = lab.daemonwatch(service("job", start=start, restart="never",
                                     critical=True))
        dw.prefix = PID1
        dw.start_foreground(wait=False)
        assert dw.wait_exit() == 5

    def test_signals_are_passed_on(self, lab):
        log = lab.path("open", "signals")
        start = [lab.script("job.sh", "\n".join([
            f"trap 'echo usr1 >>{log}' USR1",
            f"trap 'echo usr2 >>{log}' USR2",
            f"trap 'echo winch >>{log}' WINCH",
            f"echo ready >>{log}",
            "while :; do sleep 0.05; done"]))]
        other = lab.server("other")
        dw = self.begin(lab, service("job", start=start, critical=True),
                        service("other", start=other.argv))
        said = lambda: open(log, encoding="ascii").read().split()
        wait_for(lambda: os.path.exists(log) and said(), "its traps")
        one = self.family(dw.proc.pid)[0]
        other.wait_serving()
        for n, signo in enumerate((signal.SIGUSR1, signal.SIGUSR2,
                                   signal.SIGWINCH)):
            kill(one, signo)
            wait_for(lambda: len(said()) == n + 2, signo.name)
        assert said() == ["ready", "usr1", "usr2", "winch"]
        dw.wait_up("job", "other")
        assert other.count() == 1
        kill(one, signal.SIGTERM)
        assert dw.wait_exit() == 0
