# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# daemonwatch may die; the services run on, and the next one takes them over.

import os
import signal
import subprocess
import time

import pytest

from harness import (alive, answers, kill_and_wait, service, stat_of,
                     wait_for)


@pytest.fixture
def trio(lab):
    """A child, one by pidfile, one by pattern."""
    child = lab.server("child")
    byfile = lab.server("byfile", style="daemon")
    bymatch = lab.server("bymatch", style="script")
    dw = lab.daemonwatch(
        service("child", start=child.argv),
        service("byfile", type="detached", start=byfile.start,
                pidfile=f'"{byfile.pidfile}"', on_exit="stop"),
        service("bymatch", type="detached", start=bymatch.start,
                match=f"'-l {bymatch.log} '", on_exit="stop"))
    servers = {"child": child, "byfile": byfile, "bymatch": bymatch}
    dw.start_foreground()
    for s in servers.values():
        s.wait_serving()
    dw.wait_up(*servers)
    return dw, servers


def test_killed_daemonwatch_leaves_services_and_finds_them_again(trio):
    dw, servers = trio
    pids = {n: s.pid for n, s in servers.items()}
    dw.kill9()
    assert all(alive(p) for p in pids.values())
    assert all(answers(s.port) for s in servers.values())
    assert dw.status_result().rc == 1
    dw.start_foreground()
    dw.wait_up(*servers)
    for name, s in servers.items():
        assert s.count() == 1, f"{name} was restarted"
        assert dw.service(name)["pids"] == [pids[name]]
    # And watches them as before.
    for s in servers.values():
        kill_and_wait(s.pid)
    for s in servers.values():
        s.wait_serving(2)
    dw.wait_up(*servers)
    assert all(s.count() == 2 for s in servers.values())


def test_adopted_services_are_stopped_like_others(trio):
    dw, servers = trio
    dw.kill9()
    dw.start_foreground()
    dw.wait_up(*servers)
    assert dw.terminate() == 0
    for s in servers.values():
        assert not alive(s.pid) and s.count("term") == 1


def test_adopted_by_start_as_well(trio):
    dw, servers = trio
    dw.kill9()
    dw.proc = None
    assert dw.cli("start").rc == 0
    dw.wait_up(*servers)
    assert all(s.count() == 1 for s in servers.values())
    assert dw.cli("stop").rc == 0
    assert not any(alive(s.pid) for s in servers.values())


def test_killed_ten_times(trio):
    dw, servers = trio
    for _ in range(10):
        dw.kill9()
        dw.start_foreground()
        dw.wait_up(*servers)
    assert all(s.count() == 1 for s in servers.values())
    assert all(len(s.alive_pids()) == 1 for s in servers.values())


def test_what_died_meanwhile_is_started(trio):
    dw, servers = trio
    dw.kill9()
    for s in servers.values():
        kill_and_wait(s.pid)
    dw.start_foreground()
    for s in servers.values():
        s.wait_serving(2)
    dw.wait_up(*servers)
    assert all(s.count() == 2 for s in servers.values())


def test_killed_before_the_service_was_ready(lab):
    server = lab.server(args=["-D", 1500])
    dw = lab.daemonwatch(
        service("web", start=server.argv, ready="port",
                tcp={"port": {"address": server.address,
                              "interval": "200ms"}}))
    dw.start_foreground()
    wait_for(lambda: dw.service("web")["pids"], "its process")
    assert dw.state("web") == "starting"
    dw.kill9()
    dw.start_foreground()
    dw.wait_up("web")
    assert server.count() == 1 and len(server.alive_pids()) == 1


@pytest.mark.parametrize("how", ["kill -9", "restart"])
def test_what_an_operator_stopped_stays_stopped(lab, how):
    server, other = lab.server(), lab.server("other")
    dw = lab.daemonwatch(service("web", start=server.argv),
                         service("other", start=other.argv))
    assert dw.cli("start").rc == 0
    dw.wait_up("web", "other")
    assert dw.cli("stop", "web").rc == 0
    dw.wait_state("web", "stopped")
    if how == "restart":
        assert dw.cli("restart").rc == 0
    else:
        dw.kill9()
        assert dw.cli("start").rc == 0
    dw.wait_up("other")
    assert dw.state("web") == "stopped"
    assert server.count() == 1 and other.count() == 1
    assert dw.cli("start", "web").rc == 0
    dw.wait_up("web")


def state_file(dw):
    return os.path.join(dw.rundir, "state")


@pytest.mark.parametrize("junk", [
    b"", b"junk", b"{", b"[]", b"\0" * 4096, b'{"version": 999}',
    b'{"version": 1, "services": 7}'])
def test_a_damaged_state_file(lab, junk):
    server = lab.server("byfile", style="daemon")
    dw = lab.daemonwatch(
        service("web", type="detached", start=server.start,
                pidfile=f'"{server.pidfile}"', on_exit="stop"))
    dw.start_foreground()
    server.wait_serving()
    dw.wait_up("web")
    dw.kill9()
    with open(state_file(dw), "wb") as f:
        f.write(junk)
    dw.start_foreground()
    # The pidfile knows.
    dw.wait_up("web")
    assert server.count() == 1


def test_a_state_file_naming_another_process(lab):
    # The pid is in use again, by somebody that is none of our business.
    server = lab.server()
    dw = lab.daemonwatch(service("web", start=server.argv)).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    wait_for(lambda: str(pid) in open(state_file(dw), encoding="utf-8").read(),
             "the pid in the state file")
    born = stat_of(pid)["start"]
    dw.kill9()
    kill_and_wait(pid)
    # Within one tick of the kernel's clock the two would look the same; no
    # pid comes again so soon.
    tick = os.sysconf("SC_CLK_TCK")
    wait_for(lambda: time.clock_gettime(time.CLOCK_BOOTTIME) * tick
             > born + 2, "another tick")
    other = lab.popen(["/bin/sleep", "1000"])
    with open(state_file(dw), encoding="utf-8") as f:
        text = f.read()
    with open(state_file(dw), "w", encoding="utf-8") as f:
        f.write(text.replace(str(pid), str(other.pid)))
    dw.start_foreground()
    server.wait_serving(2)
    dw.wait_up("web")
    assert dw.service("web")["pids"] == [server.pid]
    assert dw.terminate() == 0
    assert other.poll() is None and alive(other.pid)


def test_a_state_file_of_another_boot(lab):
    # After a boot the same pid *and* start time may come again.
    server = lab.server()
    dw = lab.daemonwatch(service("web", start=server.argv)).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as f:
        boot = f.read().strip()
    wait_for(lambda: boot in open(state_file(dw), encoding="utf-8").read(),
             "the boot in the state file")
    lab.may_leave = True
    dw.kill9()
    with open(state_file(dw), encoding="utf-8") as f:
        text = f.read()
    with open(state_file(dw), "w", encoding="utf-8") as f:
        f.write(text.replace(boot, "0" * 8 + boot[8:]))
    dw.start_foreground(wait=False)
    # Not taken for ours: never signalled, whatever else happens.
    server.wait_starts(2)
    dw.terminate()
    assert alive(pid) and not [l for l in server.lines("term")
                               if l[1] == pid]


def test_stop_of_a_killed_one_tells(lab, trio):
    dw, servers = trio
    lab.may_leave = True
    dw.kill9()
    r = dw.cli("stop")
    assert r.rc == 0 and "not running" in r.err
    assert all(alive(s.pid) for s in servers.values())


def test_a_service_that_leaves_by_itself_while_nobody_watches(lab):
    # Its pid is another's then: the pidfile is older than that process.
    server = lab.server("byfile", style="daemon")
    dw = lab.daemonwatch(
        service("web", type="detached", start=server.start,
                pidfile=f'"{server.pidfile}"', on_exit="stop"))
    dw.start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    dw.kill9()
    kill_and_wait(pid, signal.SIGKILL)
    other = subprocess.Popen(["/bin/sleep", "1000"], env=lab.env)
    try:
        with open(server.pidfile, "w", encoding="ascii") as f:
            f.write(f"{other.pid}\n")
        os.utime(server.pidfile, (0, 0))
        dw.start_foreground()
        server.wait_serving(2)
        dw.wait_up("web")
        assert dw.terminate() == 0
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
