# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# The two jobs that daemonwatch was made for, as their scripts did them.
#
# J3: every 30 s count the processes that match and try a TCP connect; run
# startServer.sh, which backgrounds a server, only when the count is 0 AND the
# port is dead; stop also runs stopServer.sh.
# J4: every 2 s; when the count is not exactly 1 AND the port is dead, delete
# a directory of stale data, then start the server.

import os
import shutil
import signal

import pytest

from harness import (FakeServer, alive, answers, kill_and_wait, service,
                     wait_for)

ROUNDS = 5      # this often everything was looked at again


class Esb:
    """The samples' server: primeton/esb, its scripts, its stale data."""

    def __init__(self, lab):
        self.lab = lab
        self.home = lab.path("primeton", "esb")
        self.data = os.path.join(
            self.home, "server/EOS/_srv/work/mq_data/localhost/kr-store/data")
        java = os.path.join(self.home, "server", "bin", "java")
        os.makedirs(os.path.dirname(java))
        shutil.copy(lab.fakeserver, java)
        self.java = java
        self.server = FakeServer(lab, "esb", program=java)
        self.data_log = lab.path("data.log")
        self.stop_log = lab.path("stop.log")
        server_argv = " ".join(self.server.argv)
        self.start_script = lab.script("primeton/esb/startServer.sh", f"""
if [ -e {self.data} ]; then echo stale; else echo clean; fi \\
    >>{self.data_log}
mkdir -p {self.data}
echo rest >{self.data}/journal
nohup {server_argv} >/dev/null 2>&1 </dev/null &
""")
        self.stop_script = lab.script("primeton/esb/stopServer.sh", f"""
echo stop >>{self.stop_log}
kill $(sed -n 's/^start \\([0-9]*\\) .*/\\1/p' {self.server.log} | tail -1)
""")
        # As in the samples, but for other runs of this test beside us.
        self.match = f"'{lab.dir}/.*primeton.*server'"

    def config(self, **keys):
        keys.setdefault("interval", "30s")
        return service(
            "esb", type="detached", match=self.match,
            start=f'"{self.start_script}"', stop=f'"{self.stop_script}"',
            tcp={"port": {"address": self.server.address,
                          # 1 s in the samples; no longer than the interval
                          "timeout": "1s" if keys["interval"] == "30s"
                          else keys["interval"]}},
            restart_when="not process and not port", **keys)

    def j4(self, **keys):
        return self.config(count=1, before_start=["rm", "-rf", self.data],
                           **keys)

    def starts(self):
        """How often startServer.sh ran."""
        return len(self.lines(self.data_log))

    @staticmethod
    def lines(path):
        try:
            with open(path, encoding="ascii") as f:
                return f.read().split()
        except FileNotFoundError:
            return []


class Rounds:
    """A service beside it whose check tells that another round is over."""

    def __init__(self, lab, interval):
        self.server = lab.server("witness")
        self.config = service(
            "witness", start=self.server.argv, ready="port",
            tcp={"port": {"address": self.server.address,
                          "interval": interval}})

    def wait(self, n=ROUNDS):
        goal = self.server.count("conn") + n
        wait_for(lambda: self.server.count("conn") >= goal,
                 f"{n} more rounds", 20)


@pytest.fixture
def esb(lab):
    return Esb(lab)


@pytest.fixture
def rounds(lab):
    return Rounds(lab, "100ms")


def test_j3_starts_the_server_when_both_are_gone(lab, esb):
    dw = lab.daemonwatch(esb.config(on_exit="stop")).start_foreground()
    pid = esb.server.wait_serving()
    dw.wait_up("esb")
    assert dw.service("esb")["pids"] == [pid]
    assert esb.starts() == 1


def test_j3_finds_the_running_server_and_leaves_it_alone(lab, esb, rounds):
    pid = esb.server.run()
    dw = lab.daemonwatch(esb.config(interval="100ms", on_exit="stop"),
                         rounds.config).start_foreground()
    dw.wait_up("esb")
    rounds.wait()
    assert dw.service("esb")["pids"] == [pid]
    assert esb.starts() == 0


@pytest.mark.parametrize("signo", [signal.SIGKILL, signal.SIGTERM])
def test_j3_a_killed_server_is_back_before_the_next_round(lab, esb, signo):
    # The round is 30 s: that it is back in 10 shows that nobody waited for it.
    dw = lab.daemonwatch(esb.config(on_exit="stop")).start_foreground()
    pid = esb.server.wait_serving()
    dw.wait_up("esb")
    kill_and_wait(pid, signo)
    esb.server.wait_serving(2)
    dw.wait_up("esb")
    assert esb.starts() == 2
    assert dw.service("esb")["pids"] == [esb.server.pid]
    assert dw.service("esb")["restarts"] == 1


def test_j3_no_restart_while_the_process_lives(lab, esb, rounds):
    dw = lab.daemonwatch(esb.config(interval="100ms", on_exit="stop"),
                         rounds.config).start_foreground()
    pid = esb.server.wait_serving()
    dw.wait_up("esb", "witness")
    # Before its first good answer a check is given the start-timeout.
    wait_for(lambda: dw.check("esb", "port")["state"] == "ok",
             "the port answered once")
    esb.server.set_mode("refuses")
    wait_for(lambda: dw.check("esb", "port")["state"] == "failed",
             "the dead port noticed")
    rounds.wait()
    assert alive(pid) and esb.starts() == 1
    assert dw.service("esb")["pids"] == [pid]
    # Now the second of both goes.
    kill_and_wait(pid)
    esb.server.wait_serving(2)
    dw.wait_up("esb")
    assert esb.starts() == 2


def test_j3_no_restart_while_the_port_lives(lab, esb, rounds):
    # The server has no port of its own here: somebody else holds it.
    port = lab.listener(esb.server.port)
    other = FakeServer(lab, "portless", port=0, mode="refuses",
                       program=esb.java)
    pid = other.run()
    dw = lab.daemonwatch(esb.config(interval="100ms", on_exit="stop"),
                         rounds.config).start_foreground()
    dw.wait_up("esb", "witness")
    kill_and_wait(pid)
    lab.popens[-1].wait()
    port.wait_more(ROUNDS)
    rounds.wait()
    assert esb.starts() == 0
    assert dw.service("esb")["pids"] == []
    port.close()
    esb.server.wait_serving()
    dw.wait_up("esb")
    assert esb.starts() == 1


def situation(lab, esb, processes, port):
    """So many matching processes, the port alive or dead, beforehand."""
    if port:
        lab.listener(esb.server.port)
    for n in range(processes):
        FakeServer(lab, f"found{n}", port=0, mode="refuses",
                   program=esb.java).run()


# A port that never answered is not dead before the start's time is over.
HURRIED = {"interval": "100ms", "start_timeout": "300ms", "on_exit": "stop"}


def see_dead_port(dw):
    """It is no proof that nothing happens if it does not know yet."""
    wait_for(lambda: dw.check("esb", "port")["state"] == "failed",
             "the dead port noticed")


TABLE = [(n, p) for n in (0, 1, 2) for p in (False, True)]


@pytest.mark.parametrize("processes,port", TABLE)
def test_j3_restarts_only_when_both_are_gone(lab, esb, rounds, processes,
                                             port):
    situation(lab, esb, processes, port)
    dw = lab.daemonwatch(esb.config(**HURRIED),
                         rounds.config).start_foreground()
    if processes > 0 and not port:
        see_dead_port(dw)
    if processes == 0 and not port:
        esb.server.wait_serving()
        rounds.wait()
        assert esb.starts() == 1
    else:
        rounds.wait()
        assert esb.starts() == 0


@pytest.mark.parametrize("processes,port", TABLE)
def test_j4_restarts_only_when_not_exactly_one_and_port_dead(
        lab, esb, rounds, processes, port):
    situation(lab, esb, processes, port)
    dw = lab.daemonwatch(esb.j4(**HURRIED), rounds.config).start_foreground()
    if processes == 1 and not port:
        see_dead_port(dw)
    if processes != 1 and not port:
        esb.server.wait_serving()
    else:
        rounds.wait()
        assert esb.starts() == 0


def test_j3_stop_runs_the_stop_script(lab, esb):
    dw = lab.daemonwatch(esb.config(on_exit="stop"))
    log = lab.path("daemonwatch.log")
    dw.configure(f'log = "{log}"\n' + esb.config(on_exit="stop"))
    assert dw.cli("start").rc == 0
    pid = esb.server.wait_serving()
    assert dw.status()["pid"] == dw.daemon_pid()
    r = dw.cli("stop")
    assert r.rc == 0, r
    assert Esb.lines(esb.stop_log) == ["stop"]
    assert not alive(pid) and esb.server.count("term") == 1
    assert not answers(esb.server.port)
    assert dw.status_result().rc == 3
    # Each step is in the log, with its time.
    with open(log, encoding="utf-8") as f:
        lines = f.read().splitlines()
    assert any("esb" in l and "up" in l for l in lines), lines
    assert any("esb" in l and "stop" in l for l in lines), lines
    assert all(l[:2] == "20" for l in lines), lines


def test_j3_on_exit_leave_leaves_it(lab, esb):
    lab.may_leave = True
    dw = lab.daemonwatch(esb.config(on_exit="leave")).start_foreground()
    pid = esb.server.wait_serving()
    dw.wait_up("esb")
    assert dw.terminate() == 0
    assert alive(pid) and answers(esb.server.port)
    assert Esb.lines(esb.stop_log) == []
    # And the next one finds it.
    dw.start_foreground()
    dw.wait_up("esb")
    assert dw.service("esb")["pids"] == [pid]
    assert esb.starts() == 1


def test_leaving_is_the_default_of_a_detached_service(lab, esb):
    lab.may_leave = True
    dw = lab.daemonwatch(esb.config()).start_foreground()
    pid = esb.server.wait_serving()
    dw.wait_up("esb")
    assert dw.terminate() == 0
    assert alive(pid)


def test_stop_keep_leaves_everything(lab, esb, rounds):
    lab.may_leave = True
    dw = lab.daemonwatch(esb.config(on_exit="stop"),
                         rounds.config).start_foreground()
    pid = esb.server.wait_serving()
    dw.wait_up("esb", "witness")
    assert dw.cli("stop", "--keep").rc == 0
    assert dw.wait_exit() == 0
    assert alive(pid) and alive(rounds.server.pid)
    dw.start_foreground()
    dw.wait_up("esb", "witness")
    assert esb.starts() == 1 and rounds.server.count() == 1


def test_j4_stale_data_is_wiped_before_each_start(lab, esb):
    os.makedirs(esb.data)
    lab.write(os.path.join(esb.data, "journal"), "stale\n")
    dw = lab.daemonwatch(
        esb.j4(interval="100ms", on_exit="stop", backoff="10ms..20ms")
    ).start_foreground()
    for n in (1, 2, 3, 4):
        pid = esb.server.wait_serving(n)
        dw.wait_up("esb")
        # startServer.sh looked for the data, then made them anew.
        assert Esb.lines(esb.data_log) == ["clean"] * n
        assert os.path.exists(os.path.join(esb.data, "journal"))
        kill_and_wait(pid)
    esb.server.wait_serving(5)
    assert Esb.lines(esb.data_log) == ["clean"] * 5


def test_j4_data_of_a_running_server_are_never_wiped(lab, esb, rounds):
    os.makedirs(esb.data)
    journal = lab.write(os.path.join(esb.data, "journal"), "live\n")
    esb.server.run()
    dw = lab.daemonwatch(esb.j4(interval="100ms", on_exit="stop"),
                         rounds.config).start_foreground()
    dw.wait_up("esb")
    rounds.wait()
    assert os.path.exists(journal)


def test_neither_itself_nor_its_commands_are_counted(lab, esb, rounds):
    # The pattern fits the configuration's name on daemonwatch's own command
    # line, and the start script, which takes its time.
    gate = lab.path("gate")
    os.mkfifo(gate)
    script = lab.script(
        "primeton/start-server.sh",
        f"read line <{gate}\nexec {esb.start_script}")
    dw = lab.daemonwatch(
        service("esb", type="detached", match=esb.match, count=1,
                start=[script], interval="100ms", start_timeout="20s",
                on_exit="stop"),
        rounds.config, name="primeton-server.conf").start_foreground()
    assert "primeton-server.conf" in open(
        f"/proc/{dw.pid}/cmdline", encoding="ascii").read()
    dw.wait_state("esb", "starting")
    rounds.wait()
    assert dw.service("esb")["pids"] == []
    with open(gate, "w", encoding="ascii") as f:
        f.write("go\n")
    esb.server.wait_serving()
    dw.wait_up("esb")
    rounds.wait()
    assert dw.service("esb")["pids"] == [esb.server.pid]
    assert esb.starts() == 1
