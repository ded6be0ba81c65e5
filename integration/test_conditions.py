# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# warn-when and up-when.

from harness import service, wait_for


def test_warning_is_told_and_nothing_is_done(lab):
    server = lab.server()
    dw = lab.daemonwatch(service(
        "web", start=server.argv, restart_when="not process",
        warn_when="process and not port", tcp={"port": {
            "address": server.address, "interval": "100ms",
            "timeout": "100ms", "fall": 2, "send": '"x\\n"',
            "expect": "'.'"}})).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    wait_for(lambda: dw.check("web", "port")["state"] == "ok", "an answer")
    assert not dw.service("web")["warning"]
    server.set_mode("silent")
    dw.wait_said("web: warn-when holds: port:")
    s = dw.wait_state("web", "failing")
    assert s["warning"] and s["pids"] == [pid]
    server.set_mode("answers")
    dw.wait_said("web: warn-when does not hold any more")
    dw.wait_state("web", "up")
    assert server.count() == 1
    assert len(dw.said("warn-when holds:")) == 1


def test_up_only_when_all_of_it_holds(lab):
    one = lab.server("one")
    two = lab.server("two", mode="refuses")
    dw = lab.daemonwatch(
        service("two", start=two.argv),
        service("web", start=one.argv, ready="200ms", start_timeout="30s",
                up_when="ready and a and b", restart_when="not process",
                tcp={"a": {"address": one.address, "interval": "100ms"},
                     "b": {"address": two.address, "interval": "100ms"}})
    ).start_foreground()
    one.wait_serving()
    wait_for(lambda: dw.check("web", "a")["state"] == "ok" and
             "refused" in dw.check("web", "b")["text"], "two answers")
    assert dw.state("web") == "starting"
    two.set_mode("answers")
    dw.wait_up("web")
    assert one.count() == 1


def test_start_fails_if_it_never_holds(lab):
    server = lab.server()
    dw = lab.daemonwatch(service(
        "web", start=server.argv, start_timeout="400ms",
        up_when="ready and dead", on_start_timeout="fail",
        tcp={"dead": {"address": f"127.0.0.1:{lab.port()}",
                      "interval": "100ms"}})).start_foreground()
    s = dw.wait_state("web", "failed")
    assert "not ready within 400ms" in s["cause"] and "dead" in s["cause"]
