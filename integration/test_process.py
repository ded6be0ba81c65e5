# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# What a service's process is given: groups, limits, standing, environment,
# standard streams.

import grp
import json
import os
import pwd
import sys

import pytest

from harness import quote, service, status_of, wait_for

REPORT = """
import json, os, resource, sys, time
def status():
    return dict(l.split(":\\t", 1) for l in open("/proc/self/status")
                if ":\\t" in l)
s = status()
report = {"groups": s["Groups"].split(), "nnp": s["NoNewPrivs"].strip(),
          "uid": os.getuid(), "nice": os.getpriority(os.PRIO_PROCESS, 0),
          "oom": int(open("/proc/self/oom_score_adj").read()),
          "nofile": resource.getrlimit(resource.RLIMIT_NOFILE),
          "core": resource.getrlimit(resource.RLIMIT_CORE),
          "as": resource.getrlimit(resource.RLIMIT_AS),
          "env": dict(os.environ), "stdin": os.readlink("/proc/self/fd/0"),
          "stdout": os.readlink("/proc/self/fd/1"),
          "stderr": os.readlink("/proc/self/fd/2")}
path = sys.argv[1]
with open(path + ".new", "w") as f:
    json.dump(report, f)
os.rename(path + ".new", path)
if len(sys.argv) > 2:
    sys.exit(0)
time.sleep(1000)
"""


def reporter(lab, name="report", *args):
    script = lab.write("reporter.py", REPORT)
    os.chmod(lab.dir, 0o777)
    return [sys.executable, "-S", script, lab.path(name), *args]


def read(lab, name="report"):
    path = lab.path(name)
    wait_for(lambda: os.path.exists(path), "a report")
    with open(path, encoding="utf-8") as f:
        report = json.load(f)
    os.unlink(path)
    return report


def test_nothing_said_changes_nothing(lab):
    lab.daemonwatch(service("web", start=reporter(lab))).start_foreground()
    r = read(lab)
    mine = status_of(os.getpid())
    assert r["nice"] == os.getpriority(os.PRIO_PROCESS, 0)
    assert r["nnp"] == mine["NoNewPrivs"].strip() and r["stdin"] == "/dev/null"
    assert r["stdout"] == r["stderr"]


def test_limits(lab):
    lab.daemonwatch(service(
        "web", start=reporter(lab), before_start=reporter(lab, "hook", "x"),
        limits=["nofile=256:512", "core=0", "as=4G:unlimited"])
    ).start_foreground()
    r = read(lab)
    assert r["nofile"] == [256, 512] and r["core"] == [0, 0]
    assert r["as"] == [4 << 30, -1]
    # They are the service's, not the hooks'.
    assert read(lab, "hook")["nofile"] != [256, 512]


def test_a_limit_that_is_refused_is_said(lab):
    dw = lab.daemonwatch(service(
        "web", start=["sleep", "1000"], limits=["nofile=4000000000"]))
    dw.start_foreground()
    dw.wait_said(r"cannot start: nofile: setrlimit: ")


@pytest.mark.root
def test_standing(lab):
    lab.daemonwatch(service(
        "web", start=reporter(lab), user="nobody", nice=-3, oom_score=321,
        no_new_privileges=True)).start_foreground()
    r = read(lab)
    assert r["nice"] == -3 and r["oom"] == 321 and r["nnp"] == "1"
    assert r["uid"] == pwd.getpwnam("nobody").pw_uid


@pytest.mark.root
def test_more_groups(lab):
    lab.daemonwatch(service(
        "web", start=reporter(lab), user="nobody", groups=["daemon", "adm"])
    ).start_foreground()
    ids = {str(grp.getgrnam(n).gr_gid) for n in ("daemon", "adm")}
    assert ids <= set(read(lab)["groups"])


@pytest.mark.root
def test_hooks_may_have_a_user_of_their_own(lab):
    lab.daemonwatch(service(
        "web", start=reporter(lab), user="nobody", hook_user="daemon",
        before_start=reporter(lab, "hook", "x"))).start_foreground()
    hook, web = read(lab, "hook"), read(lab)
    assert hook["uid"] == pwd.getpwnam("daemon").pw_uid
    assert hook["env"]["USER"] == "daemon"
    assert web["uid"] == pwd.getpwnam("nobody").pw_uid
    assert web["env"]["USER"] == "nobody"


def test_clean_environment(lab):
    lab.daemonwatch(service(
        "web", start=reporter(lab), clean_env=True, env=["A=b"])
    ).start_foreground()
    env = read(lab)["env"]
    env.pop("LC_CTYPE", None)       # Python's own
    assert env == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "DAEMONWATCH_SERVICE": "web", "A": "b"}


def test_env_file_is_read_at_each_start(lab):
    path = lab.write("env", "# variables\nA=1\nB='2 3'\nexport C=\"x\\\"y\"\n"
                     "HOME=/file\n")
    dw = lab.daemonwatch(service(
        "web", start=reporter(lab), env_file=path, env=["A=conf"]))
    dw.start_foreground()
    env = read(lab)["env"]
    assert env["A"] == "conf" and env["B"] == "2 3" and env["C"] == 'x"y'
    assert env["HOME"] == "/file"
    lab.write("env", "B=new\n")
    assert dw.cli("restart", "web").rc == 0
    env = read(lab)["env"]
    assert env["B"] == "new" and "C" not in env


def test_env_file_that_is_wrong_is_said(lab):
    path = lab.write("env", "A=1\nthis is none\n")
    dw = lab.daemonwatch(
        service("web", start=reporter(lab), env_file=path),
        service("gone", start=["sleep", "1000"],
                env_file=lab.path("nothing")),
        service("optional", start=["sleep", "1000"],
                env_file="-" + lab.path("nothing")))
    dw.start_foreground()
    dw.wait_said(f"web: .*env-file {path}:2: this is not NAME=value")
    dw.wait_said("gone: .*env-file .*nothing: No such file")
    dw.wait_up("optional")
    # Mended, it is read by the next try.
    lab.write("env", "A=2\n")
    assert read(lab)["env"]["A"] == "2"


@pytest.mark.root
@pytest.mark.parametrize("mode, uid", [(0o666, 0), (0o664, 0), (0o644, 1)])
def test_env_file_that_others_can_write(lab, mode, uid):
    path = lab.write("env", "LD_PRELOAD=/tmp/evil.so\n", mode)
    os.chown(path, uid, -1)
    dw = lab.daemonwatch(
        service("web", start=reporter(lab), env_file=path))
    dw.start_foreground()
    dw.wait_said("env-file .*: others can write it")
    assert not os.path.exists(lab.path("report"))


def test_standard_streams(lab):
    data = lab.write("in", "hello\n")
    lab.daemonwatch(
        service("cat", start=["sh", "-c", "cat; echo oops >&2; sleep 1000"],
                stdin=data, stdout=lab.path("out"), stderr=lab.path("err")),
        service("web", start=reporter(lab), stdout="null", stderr="log",
                log=lab.path("log"))).start_foreground()

    def text(name):
        with open(lab.path(name), encoding="ascii") as f:
            return f.read()
    wait_for(lambda: text("out") == "hello\n" and text("err") == "oops\n",
             "the streams in their files")
    r = read(lab)
    assert r["stdout"] == "/dev/null" and r["stderr"] == lab.path("log")


def test_stdin_that_is_not_there(lab):
    dw = lab.daemonwatch(service(
        "web", start=["cat"], stdin=lab.path("nothing")))
    dw.start_foreground()
    dw.wait_said("cannot start: stdin: .*nothing: No such file")


def test_stdin_from_a_fifo_waits_for_nobody(lab):
    fifo = lab.path("fifo")
    os.mkfifo(fifo)
    dw = lab.daemonwatch(
        service("web", start=["sh", "-c", f"cat > {lab.path('got')}; "
                              "sleep 1000"], stdin=fifo),
        service("other", start=["sleep", "1000"]))
    dw.start_foreground()
    dw.wait_up("web", "other")


def test_stdout_never_through_a_link(lab):
    target = lab.write("precious", "x")
    os.symlink(target, lab.path("out"))
    dw = lab.daemonwatch(service(
        "web", start=["sh", "-c", "echo y; sleep 1000"],
        stdout=lab.path("out")))
    dw.start_foreground()
    dw.wait_said("its output is lost")
    dw.wait_up("web")
    with open(target, encoding="ascii") as f:
        assert f.read() == "x"


def test_configuration_errors_are_told(lab):
    dw = lab.daemonwatch(
        "service a {", f"start = {quote('x')}", 'limits = {"nofiles=5"}',
        "nice = 20", "oom-score = -1001", "no-new-privileges = perhaps",
        "env-file = relative", "stdin = log", 'groups = {"root"}', "}")
    r = dw.cli("check")
    assert r.rc != 0
    for text in ("there is no such limit here, did you mean 'nofile'?",
                 "bad nice '20': it is a number from -20 to 19",
                 "bad oom-score '-1001'", "no-new-privileges cannot be",
                 "env-file needs an absolute path",
                 "stdin needs an absolute path", "'groups' needs a 'user'"):
        assert text in r.both, (text, r.both)
