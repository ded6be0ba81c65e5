# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Alerts: by a command, by mail, gathered, and by those that hang or fail.

import os

from harness import block, kill, kill_and_wait, service, wait_for


def alert(**keys):
    return block("alert", None, keys)


def teller(lab, name="told", more=""):
    """A command that notes what it is told, whole or not at all."""
    path = lab.path(name)
    script = lab.script(name + ".sh", f"""
{{ printf '%s|%s|%s|%s|%s\\n' "$DAEMONWATCH_SERVICE" "$DAEMONWATCH_EVENT" \\
    "$DAEMONWATCH_STATE" "$DAEMONWATCH_COUNT" "$DAEMONWATCH_CAUSE"
cat; echo .; }} >{path}.$$
cat {path}.$$ >>{path}
rm {path}.$$
{more}""")
    return script, path


def told(path):
    """The alerts: (environment's words, lines) of each."""
    try:
        with open(path) as f:
            parts = f.read().split("\n.\n")[:-1]
    except FileNotFoundError:
        return []
    return [(p.split("\n")[0].split("|"), p.split("\n")[1:]) for p in parts]


def lines(path):
    return [line for _, ls in told(path) for line in ls]


def test_down_and_up_with_the_cause(lab):
    script, path = teller(lab)
    server = lab.server()
    dw = lab.daemonwatch(alert(exec=[script]),
                         service("web", start=server.argv,
                                 backoff="200ms..200ms")).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    kill_and_wait(pid)
    wait_for(lambda: any(" web up: " in l for l in lines(path)), "the up")
    down = [l for l in lines(path) if " web down: " in l]
    assert len(down) == 1 and "killed by signal 9" in down[0]
    words = told(path)[0][0]
    assert words[0] == "web" and words[1] in ("down", "up")


def test_nothing_is_told_of_what_an_operator_does(lab):
    script, path = teller(lab)
    server = lab.server()
    dw = lab.daemonwatch(alert(exec=[script], on=["down", "up", "give-up"]),
                         service("web", start=server.argv),
                         service("witness", start=["sleep", "1000"],
                                 backoff="50ms..50ms")).start_foreground()
    server.wait_serving()
    dw.wait_up("web", "witness")
    for verb in ("restart", "stop", "start"):
        assert dw.cli(verb, "-w", "web").rc == 0
    kill_and_wait(dw.service("witness")["pids"][0])
    wait_for(lambda: any(" witness up: " in l for l in lines(path)),
             "the witness told")
    assert not [l for l in lines(path) if " web " in l]


def test_one_that_never_comes_up_is_down_once_and_given_up(lab):
    script, path = teller(lab)
    dw = lab.daemonwatch(
        alert(exec=[script], services="bad"),
        service("bad", start=["sh", "-c", "exit 7"], give_up="3 in 10m",
                backoff="20ms..20ms", ready="2s")).start_foreground()
    dw.wait_state("bad", "failed")
    wait_for(lambda: any(" bad give-up: " in l for l in lines(path)), "it")
    assert len([l for l in lines(path) if " bad down: " in l]) == 1
    assert any("status 7" in l for l in lines(path))


def test_only_for_the_services_named(lab):
    script, path = teller(lab)
    dw = lab.daemonwatch(
        alert(exec=[script], services=["a*"]),
        *(service(n, start=["sleep", "1000"], backoff="50ms..50ms")
          for n in ("a1", "b1"))).start_foreground()
    dw.wait_up("a1", "b1")
    for name in ("b1", "a1"):
        kill_and_wait(dw.service(name)["pids"][0])
        dw.wait_event(name, to="up", n=2)
    wait_for(lambda: any(" a1 up: " in l for l in lines(path)), "a1 told")
    assert not [l for l in lines(path) if " b1 " in l]


def test_a_flood_is_gathered_into_one(lab):
    script, path = teller(lab)
    names = [f"s{i}" for i in range(60)]
    dw = lab.daemonwatch(
        alert(exec=[script], on="down", every="1h"),
        *(service(n, start=["sleep", "1000"], backoff="10s..10s")
          for n in names)).start_foreground()
    dw.wait_up(*names)
    kill_and_wait(dw.service("s0")["pids"][0])
    wait_for(lambda: len(told(path)) == 1, "the first, at once")
    for n in names[1:]:
        kill(dw.service(n)["pids"][0])
    for n in names[1:]:
        dw.wait_event(n, frm="up")
    assert len(told(path)) == 1
    # What is left is told at the end.
    dw.terminate()
    wait_for(lambda: len(told(path)) == 2, "the rest")
    words, text = told(path)[1]
    assert words[3] == "59" and len(text) == 59


def test_a_hanging_command_delays_nothing_and_is_killed(lab):
    script, path = teller(lab, more="exec sleep 1003")
    server = lab.server()
    dw = lab.daemonwatch(
        alert(exec=[script], timeout="500ms"),
        service("web", start=server.argv, backoff="10ms..10ms")
    ).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    kill_and_wait(pid)
    dw.wait_up("web")
    dw.wait_said("alert: .*told.sh takes too long: killed")
    kill_and_wait(server.wait_serving(2))
    wait_for(lambda: len(told(path)) >= 2, "the next one")


def test_a_failing_command_is_said(lab):
    script, path = teller(lab, more="exit 9")
    server = lab.server()
    dw = lab.daemonwatch(alert(exec=[script]),
                         service("web", start=server.argv)).start_foreground()
    pid = server.wait_serving()
    dw.wait_up("web")
    kill_and_wait(pid)
    dw.wait_said("alert: .*told.sh exited with status 9")
    dw.wait_up("web")
    os.unlink(script)
    kill_and_wait(server.wait_serving(2))
    dw.wait_said("alert: [12] events? not told: .*told.sh.*No such file")
    dw.wait_up("web")


def test_mail(lab):
    sendmail = lab.script("sendmail", f"""
echo "$*" >{lab.path("args")}
cat >{lab.path("mail.new")} && mv {lab.path("mail.new")} {lab.path("mail")}""")
    dw = lab.daemonwatch(
        alert(mail=["ops@example.org", "me@example.org"], sendmail=sendmail,
              **{"from": "dw@example.org", "on": "down"}),
        service("web", start=["sleep", "1000"],
                backoff="10s..10s")).start_foreground()
    dw.wait_up("web")
    kill_and_wait(dw.service("web")["pids"][0])
    wait_for(lambda: os.path.exists(lab.path("mail")), "the mail")
    with open(lab.path("mail")) as f:
        head, _, body = f.read().partition("\n\n")
    assert "To: ops@example.org, me@example.org" in head
    assert "From: dw@example.org" in head
    assert "web down: " in head.split("Subject: ")[1].split("\n")[0]
    assert "Auto-Submitted: auto-generated" in head
    assert body.count("\n") == 1 and "killed by signal 9" in body
    with open(lab.path("args")) as f:
        assert f.read() == "-t -oi\n"


def test_degraded_is_told_where_asked_for(lab):
    script, path = teller(lab)
    plugin = lab.script("plugin", "echo 'DISK nearly full'; exit 1")
    dw = lab.daemonwatch(
        alert(exec=[script], on="degraded"),
        service("web", start=["sleep", "1000"],
                exec={"disk": {"command": [plugin], "interval": "100ms"}})
    ).start_foreground()
    wait_for(lambda: told(path), "the alert")
    words, text = told(path)[0]
    assert words[1] == "degraded" and "disk: DISK nearly full" in text[0]


def test_end_while_an_alert_was_told_lost_the_next(lab):
    """The last service's end is that of daemonwatch: who else would tell?"""
    go, seen = lab.path("open/go"), lab.path("open/seen")
    script = lab.script("slow.sh", f"""
echo "$DAEMONWATCH_EVENT" >>{seen}
while [ "$DAEMONWATCH_EVENT" = down ] && [ ! -e {go} ]; do sleep 0.05; done""")

    def told_of():
        try:
            with open(seen, encoding="ascii") as f:
                return f.read().split()
        except FileNotFoundError:
            return []
    end = lab.path("open/end")
    bad = lab.script("bad", "sleep 0.2; exit 7")
    dw = lab.daemonwatch(
        alert(exec=[script], on=["down", "give-up"]),
        service("bad", start=[bad], give_up="3 in 10m", critical="yes",
                backoff="300ms..300ms")).start_foreground()
    wait_for(lambda: "give-up" in told_of(), "the end told")
    lab.write("open/go", "")
    assert dw.wait_exit() != 0
    wait_for(lambda: not lab.marked(), "the alerts' ends")
    assert told_of() == ["down", "give-up"]
