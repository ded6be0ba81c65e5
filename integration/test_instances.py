# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Several services of one block.

import pytest

from harness import (alive, cmdline_of, environ_of, kill_and_wait, service,
                     wait_for)


@pytest.fixture
def dw(lab):
    return lab.daemonwatch(
        service("web", instances=4, env=["N=%i", "P=100%%"],
                start=["sh", "-c", f"echo started %i >> {lab.path('out')}%i; "
                       "exec sleep 100%i"]),
        service("other", start=["sleep", "1000"], after="web")
    ).start_foreground()


def pids(dw):
    return {s["name"]: s["pids"][0] for s in dw.status()["services"]
            if s["pids"]}


def test_each_instance_is_a_service(lab, dw):
    names = [f"web@{i}" for i in range(1, 5)]
    dw.wait_up(*names, "other")
    p = pids(dw)
    for i in range(1, 5):
        env = environ_of(p[f"web@{i}"]).split(b"\0")
        assert f"N={i}".encode() in env and b"P=100%" in env
        assert f"DAEMONWATCH_INSTANCE={i}".encode() in env
        assert f"DAEMONWATCH_SERVICE=web@{i}".encode() in env
        pid = p[f"web@{i}"]
        wait_for(lambda: cmdline_of(pid).startswith("sleep"), "its program")
        with open(lab.path(f"out{i}"), encoding="ascii") as f:
            assert f.read() == f"started {i}\n"
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            assert f.read().split(b"\0")[1] == f"100{i}".encode()
    # The death of one is its own.
    kill_and_wait(p["web@2"])
    wait_for(lambda: dw.service("web@2")["restarts"] == 1, "a restart")
    dw.wait_up(*names)
    now = pids(dw)
    assert [n for n in names if now[n] != p[n]] == ["web@2"]


def test_one_or_all_on_the_command_line(dw):
    names = [f"web@{i}" for i in range(1, 5)]
    dw.wait_up(*names)
    p = pids(dw)
    assert dw.cli("stop", "web@3").rc == 0
    dw.wait_state("web@3", "stopped")
    assert not alive(p["web@3"]) and alive(p["web@1"])
    assert dw.cli("stop", "web").rc == 0
    for name in names:
        dw.wait_state(name, "stopped")
    assert alive(p["other"])
    assert dw.cli("start", "web").rc == 0
    dw.wait_up(*names)
    assert "web@4" in dw.cli("status", "web").out
    assert "other" not in dw.cli("status", "web").out
    assert dw.cli("stop", "we").rc != 0


def test_instances_are_taken_over(dw):
    names = [f"web@{i}" for i in range(1, 5)]
    dw.wait_up(*names)
    p = pids(dw)
    dw.kill9()
    dw.start_foreground()
    dw.wait_up(*names, "other")
    assert pids(dw) == p
