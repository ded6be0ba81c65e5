# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Many services, no idle work, and a machine that runs out of things.

import os
import resource
import subprocess
import time

import pytest

import harness
from harness import (cpu_ns, fds_of, kill, kill_and_wait, service,
                     voluntary_switches, wait_for)


def many(lab, n, **keys):
    keys.setdefault("backoff", "10ms..100ms")
    servers = [lab.server(f"s{i}", port=0, mode="refuses") for i in range(n)]
    conf = [service(s.name, start=s.argv, **keys) for s in servers]
    return servers, conf


def all_up(dw, n, timeout=30):
    def look():
        up = [s for s in dw.status()["services"] if s["state"] == "up"]
        assert len(up) == n, f"{len(up)} up"
        return True
    wait_for(look, f"{n} up", timeout)


@pytest.mark.bound(120)
def test_two_hundred_services(lab):
    servers, conf = many(lab, 200)
    dw = lab.daemonwatch(*conf).start_foreground()
    all_up(dw, 200)
    assert all(s.count() == 1 for s in servers)
    # All at once.
    for s in servers:
        kill(s.pid)
    for s in servers:
        s.wait_starts(2, 30)
    all_up(dw, 200)
    assert all(s.count() == 2 for s in servers)
    assert all(len(s.alive_pids()) == 1 for s in servers)
    assert dw.cli("status").out.count("\n") >= 200
    assert dw.terminate() == 0
    assert not any(s.alive_pids() for s in servers)


@pytest.mark.bound(120)
def test_two_hundred_services_with_checks(lab):
    servers = [lab.server(f"s{i}") for i in range(200)]
    conf = [service(s.name, start=s.argv, ready="port",
                    tcp={"port": {"address": s.address, "interval": "2s",
                                  "timeout": "2s"}}) for s in servers]
    dw = lab.daemonwatch(*conf).start_foreground()
    all_up(dw, 200, 60)
    goal = [s.count("conn") + 3 for s in servers]
    wait_for(lambda: all(s.count("conn") >= g
                         for s, g in zip(servers, goal)),
             "three more checks of each", 30)
    assert all(s.count() == 1 for s in servers)
    assert not dw.events(to="failing")


def quiet(pid, timeout=30):
    """Until ten looks in a row find it asleep."""
    seen = []

    def look():
        seen.append(voluntary_switches(pid))
        return len(seen) > 20 and len(set(seen[-20:])) == 1
    wait_for(look, "quiet", timeout)


@pytest.mark.parametrize("kind", ["child", "detached"])
@pytest.mark.bound(120)
def test_idle_means_asleep(lab, kind):
    """Fifty services without checks: not a single wake-up in five seconds."""
    if kind == "child":
        servers, conf = many(lab, 50)
    else:
        servers = [lab.server(f"s{i}", port=0, mode="refuses",
                              style="daemon") for i in range(50)]
        conf = [service(s.name, type="detached", start=s.start,
                        pidfile=f'"{s.pidfile}"', on_exit="stop")
                for s in servers]
    dw = lab.daemonwatch(*conf).start_foreground()
    all_up(dw, 50)
    quiet(dw.pid)
    before, cpu = voluntary_switches(dw.pid), cpu_ns(dw.pid)
    # The one place where time itself is what is measured.
    end = time.monotonic() + 5
    while (left := end - time.monotonic()) > 0:
        time.sleep(left)
    assert voluntary_switches(dw.pid) - before == 0
    assert cpu_ns(dw.pid) == cpu
    # Asleep, not dead.
    kill_and_wait(servers[7].pid)
    servers[7].wait_starts(2)


def test_out_of_descriptors(lab):
    server = lab.server()
    dw = lab.daemonwatch(
        service("web", start=server.argv, backoff="50ms..100ms")
    ).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    quiet(dw.pid)
    # What is open stays open, but nothing more can be.
    soft, hard = resource.prlimit(dw.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(dw.pid, resource.RLIMIT_NOFILE, (3, hard))
    kill_and_wait(pid)
    # Either it does without, or it says what is missing and tries again.
    wait_for(lambda: dw.said("Too many open files") or server.count() > 1,
             "said, or done without")
    assert dw.proc.poll() is None
    resource.prlimit(dw.pid, resource.RLIMIT_NOFILE, (soft, hard))
    server.wait_serving(2)
    dw.wait_up("web")
    kill_and_wait(server.pid)
    server.wait_serving(3)
    dw.wait_up("web")


@pytest.mark.root
def test_disk_full(lab):
    # The runtime directory on a full file system: said, and nothing is lost.
    place = lab.path("run")
    os.makedirs(place, exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=755",
                       "dwtest", place],
                      stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("cannot mount here")
    try:
        server = lab.server()
        dw = lab.daemonwatch(
            service("web", start=server.argv)).start_foreground()
        pid = server.wait_serving()
        dw.wait_up("web")
        with pytest.raises(OSError):
            with open(os.path.join(place, "fill"), "wb", 0) as f:
                while True:
                    f.write(b"x" * 4096)
        kill_and_wait(pid)
        server.wait_serving(2)
        dw.wait_up("web")
        os.unlink(os.path.join(place, "fill"))
        kill_and_wait(server.pid)
        server.wait_serving(3)
        dw.wait_up("web")
        assert dw.terminate() == 0
    finally:
        subprocess.run(["umount", "-l", place], check=False)


def test_no_descriptor_leaks_over_a_hundred_restarts(lab):
    server = lab.server()
    detached = lab.server("detached", style="daemon")
    dw = lab.daemonwatch(
        service("web", start=server.argv, backoff="0s..0s"),
        service("det", type="detached", start=detached.start,
                pidfile=f'"{detached.pidfile}"', backoff="0s..0s",
                on_exit="stop")).start_foreground()
    for n in range(1, 6):
        kill_and_wait(server.wait_serving(n))
        detached.wait_serving(n)
        dw.wait_up("det")
        kill_and_wait(detached.pid)
    server.wait_serving(6), detached.wait_serving(6)
    dw.wait_up("web", "det")
    quiet(dw.pid)
    before = len(fds_of(dw.pid))
    for n in range(6, 56):
        kill_and_wait(server.wait_starts(n))
        detached.wait_serving(n)
        wait_for(lambda: dw.service("det")["pids"] == [detached.pid], "found")
        kill_and_wait(detached.pid)
    server.wait_serving(56), detached.wait_serving(56)
    dw.wait_up("web", "det")
    quiet(dw.pid)
    assert len(fds_of(dw.pid)) == before
    zombies = [p for p in harness.children_of(dw.pid) if not harness.alive(p)]
    assert zombies == []
