# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Checks by a command, Nagios plugins among them.

import contextlib
import os
import shutil

import pytest

from harness import alive, service, wait_for


def processes_with(lab, name):
    found = []
    for pid in lab.marked():
        with contextlib.suppress(OSError), open(f"/proc/{pid}/comm") as f:
            if f.read().strip() == name:
                found.append(pid)
    return found


def up(lab, command, *more, interval="100ms", keys=None, **service_keys):
    """daemonwatch with a service that is up and has the check "asked"."""
    server = lab.server()
    service_keys.setdefault("restart_when", "not process")
    dw = lab.daemonwatch(
        service("web", start=server.argv,
                exec={"asked": {"command": command, "interval": interval,
                                **(keys or {})}},
                **service_keys),
        *more).start_foreground()
    server.wait_serving()
    dw.wait_up("web")
    return dw, server


def plugin(lab, status, line="", more=""):
    """A plugin that says a line; its status is read from a file."""
    state = lab.write("open/status", str(status), mode=0o644)
    script = lab.script("plugin", f"""printf '%s\\n' '{line}'
{more}
exit $(cat {state})
""")
    return [script], state


@pytest.mark.parametrize("status,state", [(0, "ok"), (1, "degraded")])
def test_status_that_is_no_failure(lab, status, state):
    command, _ = plugin(lab, status, "LOAD - so so | load1=0.3;5;10 x=1")
    dw, server = up(lab, command)
    wait_for(lambda: dw.check("web", "asked")["state"] == state, state)
    c = dw.check("web", "asked")
    assert c["kind"] == "exec" and c["text"] == "LOAD - so so"
    assert c["metrics"] == "load1=0.3;5;10 x=1"
    if state == "degraded":
        dw.wait_said("web: asked: degraded: LOAD - so so")
    assert server.count() == 1


def test_degraded_is_told_once_and_its_end_too(lab):
    command, state = plugin(lab, 1, "DISK")
    dw, _ = up(lab, command, interval="20ms")
    dw.wait_said("web: asked: degraded: DISK")
    lab.write("open/status", "0")
    dw.wait_said("web: asked: no longer degraded: DISK")
    assert len(dw.said("asked: degraded")) == 1


def test_failed_restarts_and_says_why(lab):
    command, state = plugin(lab, 0, "QUEUE full")
    dw, server = up(lab, command, restart_when="not process or asked.failed",
                    keys={"fall": 2})
    wait_for(lambda: dw.check("web", "asked")["state"] == "ok", "ok")
    lab.write("open/status", "2")
    dw.wait_event("web", to="failing")
    server.wait_serving(2)
    lab.write("open/status", "0")
    dw.wait_said("asked: QUEUE full")


@pytest.mark.parametrize("status", ["3", "77"])
def test_unknown_restarts_nothing(lab, status):
    command, state = plugin(lab, 0, "WHAT")
    dw, server = up(lab, command, interval="1s",
                    restart_when="not process or asked.failed",
                    keys={"fall": 1})
    wait_for(lambda: dw.check("web", "asked")["state"] == "ok", "ok")
    lab.write("open/status", status)
    dw.wait_said("web: asked: unknown: .*WHAT")
    assert server.count() == 1 and dw.state("web") == "up"


def test_killed_by_a_signal_is_unknown(lab):
    script = lab.script("dies", "kill -KILL $$\n")
    dw, server = up(lab, [script])
    dw.wait_said("web: asked: unknown: killed by signal 9")
    assert server.count() == 1


def test_a_program_that_goes_away_is_unknown(lab):
    command, _ = plugin(lab, 0, "here")
    dw, server = up(lab, command, interval="1s",
                    restart_when="not process or asked.failed")
    wait_for(lambda: dw.check("web", "asked")["state"] == "ok", "ok")
    os.unlink(command[0])
    dw.wait_said("web: asked: unknown: .*plugin.*No such file")
    assert server.count() == 1 and dw.state("web") == "up"


def test_a_hanging_plugin_dies_with_its_children(lab):
    script = lab.script("hangs", """sleep 1001 &
sleep 1001
""")
    dw, server = up(lab, [script], interval="300ms",
                    keys={"timeout": "200ms", "fall": 2},
                    start_timeout="300ms", ready="at-once")
    wait_for(lambda: dw.check("web", "asked")["state"] == "failed", "failed")
    assert "within its timeout" in dw.check("web", "asked")["text"]
    seen = processes_with(lab, "sleep")
    wait_for(lambda: not any(alive(pid) for pid in seen), "their end")
    assert server.count() == 1


def test_a_child_that_keeps_the_pipe_delays_nothing(lab):
    script = lab.script("leaves", """echo done
sleep 1002 &
exit 0
""")
    dw, _ = up(lab, [script], interval="5s", keys={"timeout": "5s"})
    wait_for(lambda: dw.check("web", "asked")["state"] == "ok", "ok", 3)
    assert dw.check("web", "asked")["text"] == "done"
    wait_for(lambda: not processes_with(lab, "sleep"), "the child's end")


def test_a_plugin_that_prints_ten_megabytes(lab):
    script = lab.script("floods", """printf 'OK \\033[2Jfirst|a=1\\n'
dd if=/dev/zero bs=65536 count=160 2>/dev/null
""")
    dw, _ = up(lab, [script], interval="1s")
    wait_for(lambda: dw.check("web", "asked")["state"] == "ok", "ok")
    c = dw.check("web", "asked")
    assert c["text"] == "OK ?[2Jfirst" and c["metrics"] == "a=1"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_as_its_own_user(lab):
    script = lab.script("who", "id -un; id -Gn >&2\n")
    dw, _ = up(lab, [script], keys={"user": "nobody"})
    wait_for(lambda: dw.check("web", "asked")["text"] == "nobody", "nobody")


def test_many_at_once_none_twice(lab):
    mark = lab.path("running")
    script = lab.script("slow", f"""mkdir {mark}.$1 || exit 2
sleep 0.05
rmdir {mark}.$1
""")
    server = lab.server()
    checks = {f"c{i}": {"command": [script, str(i)], "interval": "60ms",
                        "timeout": "60ms", "fall": 1000} for i in range(30)}
    dw = lab.daemonwatch(service("web", start=server.argv, exec=checks,
                                 restart_when="not process")
                         ).start_foreground()
    dw.wait_up("web")
    wait_for(lambda: all(dw.check("web", n)["text"] != "" for n in checks),
             "an answer from each")
    assert server.count() == 1


def test_a_real_plugin(lab):
    places = ("/usr/lib/nagios/plugins", "/usr/lib64/nagios/plugins",
              "/usr/lib/monitoring-plugins", "/usr/local/libexec/nagios")
    path = shutil.which("check_procs", path=":".join(places))
    if path is None:
        pytest.skip("check_procs (monitoring-plugins) is not installed")
    dw, _ = up(lab, [path, "-c", "1:1000000"], interval="1s")
    wait_for(lambda: dw.check("web", "asked")["state"] == "ok", "ok")
    assert dw.check("web", "asked")["metrics"].startswith("procs=")


def test_failure_was_said_to_be_no_longer_degraded(lab):
    command, state = plugin(lab, 1, "so so")
    dw, _ = up(lab, command)
    dw.wait_said("web: asked: degraded: so so")
    lab.write("open/status", "3")
    dw.wait_said("web: asked: unknown: so so")
    lab.write("open/status", "2")
    wait_for(lambda: dw.check("web", "asked")["state"] == "failed", "failed")
    lab.write("open/status", "1")
    wait_for(lambda: dw.check("web", "asked")["state"] == "degraded", "again")
    assert "no longer degraded" not in dw.log_text()
    lab.write("open/status", "0")
    dw.wait_said("web: asked: no longer degraded: so so")
