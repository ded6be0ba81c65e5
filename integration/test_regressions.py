# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# One test for each bug of the supervisor that was found by reading it; each
# is named after its bug.

import os
import signal
import socket

import pytest

from harness import alive, kill_and_wait, service, wait_for


def test_start_that_failed_removed_the_state_file(lab):
    server = lab.server()
    dw = lab.daemonwatch(service("web", start=server.argv)).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    dw.kill9()
    failed = dw.cli("run", env={**lab.env, "DAEMONWATCH_POLLER": "bogus"})
    assert failed.rc != 0
    dw.start_foreground()
    dw.wait_up("web")
    assert dw.service("web")["pids"] == [pid]
    assert server.count() == 1


def test_pid_after_before_start_was_not_saved(lab):
    server = lab.server(args=["-D", 1500])
    dw = lab.daemonwatch(
        service("web", start=server.argv, before_start=["/bin/true"],
                ready="port",
                tcp={"port": {"address": server.address,
                              "interval": "200ms"}}))
    dw.start_foreground()
    wait_for(lambda: dw.service("web")["pids"], "its process")
    assert dw.state("web") == "starting"
    dw.kill9()
    dw.start_foreground()
    dw.wait_up("web")
    assert server.count() == 1 and len(server.alive_pids()) == 1


@pytest.mark.parametrize("how", ["keep", "kill9"])
def test_operators_stop_was_lost_when_daemonwatch_ended(lab, how):
    server, other = lab.server("web"), lab.server("other")
    dw = lab.daemonwatch(service("web", start=server.argv),
                         service("other", start=other.argv))
    dw.start_foreground()
    dw.wait_up("web", "other")
    assert dw.cli("stop", "-w", "web").rc == 0
    if how == "keep":
        assert dw.cli("stop", "--keep").rc == 0
        dw.wait_exit()
    else:
        dw.kill9()
    dw.start_foreground()
    dw.wait_up("other")
    assert dw.state("web") == "stopped"
    # And is forgotten by a start.
    assert dw.cli("start", "-w", "web").rc == 0
    server.wait_starts(2)
    dw.kill9()
    kill_and_wait(server.pid)
    dw.start_foreground()
    dw.wait_up("web", "other")
    assert other.count() == 1


def test_thousands_of_short_requests_stalled_the_supervisor(lab):
    dw = lab.daemonwatch(service("web", start=["/bin/sleep", "1000"]))
    dw.start_foreground()
    dw.wait_up("web")
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(os.path.join(dw.rundir, "control"))
        s.sendall(b"\n" * 65535)
        # A batch took a minute, each answer having copied all before it.
        assert dw.cli("status", timeout=10).rc == 0
        got = 0
        s.settimeout(10)
        while got < 65535:
            data = s.recv(1 << 20)
            assert data
            got += data.count(b"\n")


def test_second_sigterm_ends_it_though_a_service_will_not(lab):
    """An unwilling service held the shutdown for as long as it liked."""
    server = lab.server(args=["-I"])
    dw = lab.daemonwatch(service("web", start=server.argv,
                                 stop_timeout="100s")).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    os.kill(dw.daemon_pid(), signal.SIGTERM)
    dw.wait_state("web", "stopping")
    os.kill(dw.daemon_pid(), signal.SIGTERM)
    dw.wait_said("still stopping: left as it is")
    assert dw.proc.wait(10) == 0
    assert alive(pid)
    kill_and_wait(pid)


def test_an_adopted_childs_group_outlived_it(lab):
    """Workers left behind would have held the port against the new one."""
    server = lab.server(args=["-g", 2])
    dw = lab.daemonwatch(service("web", start=server.argv)).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    wait_for(lambda: server.count("grandchild") == 2, "its workers")
    family = [line[1] for line in server.lines("grandchild")]
    dw.kill9()
    dw.start_foreground()
    dw.wait_up("web")
    assert dw.service("web")["pids"] == [pid]
    kill_and_wait(pid)
    wait_for(lambda: not any(alive(p) for p in family), "its workers gone")
    server.wait_starts(2)
