# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# The fixtures of the integration suite: the session's tools, a lab for each
# test, and a bound on each test's time.

import faulthandler
import os
import shlex
import shutil
import signal
import subprocess
import tempfile

import pytest

import harness


def pytest_addoption(parser):
    parser.addoption(
        "--poller", default=os.environ.get("DAEMONWATCH_POLLER"),
        help="the kernel's event queue that daemonwatch shall use")
    parser.addoption(
        "--wrapper", default=os.environ.get("DWTEST_WRAPPER", ""),
        help="a command in front of daemonwatch, such as valgrind")


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "bound(seconds): how long this test may take (60)")
    config.addinivalue_line("markers", "root: needs to be root")


def pytest_collection_modifyitems(items):
    if os.getuid() == 0:
        return
    skip = pytest.mark.skip(reason="needs root")
    for item in items:
        if item.get_closest_marker("root"):
            item.add_marker(skip)


def pytest_report_header(config):
    return (f"daemonwatch: {harness.BUILDDIR}, "
            f"poller: {config.getoption('--poller') or 'the default'}")


def real_program(directory, name):
    """The program itself, not libtool's script for it."""
    path = os.path.join(directory, name)
    if not os.path.exists(path):
        return None, {}
    with open(path, "rb") as f:
        if f.read(2) != b"#!":
            return path, {}
    libs = os.path.join(harness.BUILDDIR, "lib", ".libs")
    old = os.environ.get("LD_LIBRARY_PATH")
    return os.path.join(directory, ".libs", name), {
        "LD_LIBRARY_PATH": libs + (":" + old if old else "")}


def compile_c(source, output):
    cc = shlex.split(os.environ.get("CC", "cc"))
    subprocess.run([*cc, "-std=gnu11", "-D_GNU_SOURCE", "-O1", "-o", output,
                    source], check=True)


class Session:
    def __init__(self, config):
        self.dir = tempfile.mkdtemp(prefix="dw-session-")
        os.chmod(self.dir, 0o755)
        self.poller = config.getoption("--poller")
        self.wrapper = shlex.split(config.getoption("--wrapper"))
        bindir = os.path.join(harness.BUILDDIR, "bin")
        self.daemonwatch, self.extra_env = real_program(bindir, "daemonwatch")
        prober, _ = real_program(bindir, "daemonwatch-prober")
        self.libexecdir = os.path.dirname(prober) if prober else bindir
        self.fakeserver = os.path.join(self.dir, "fakeserver")
        compile_c(os.path.join(os.path.dirname(__file__), "fakeserver.c"),
                  self.fakeserver)
        self.ports = harness.Ports()

    def close(self):
        self.ports.close()
        shutil.rmtree(self.dir, ignore_errors=True)


@pytest.fixture(scope="session")
def session(request):
    s = Session(request.config)
    yield s
    s.close()


class TooLong(BaseException):
    pass


@pytest.fixture(autouse=True)
def bound(request):
    """No test runs for ever."""
    marker = request.node.get_closest_marker("bound")
    seconds = (marker.args[0] if marker else 60) * harness.SLOW

    def expire(signo, frame):
        raise TooLong(f"the test takes longer than {seconds:g} s")

    old = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    # Should even the clean-up hang: say where, and end.
    faulthandler.dump_traceback_later(seconds + 90, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, old)


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    setattr(item, "report_" + report.when, report)
    lab = getattr(item, "lab", None)
    if lab is not None and report.failed:
        for title, text in lab.logs():
            report.sections.append((title, text))


@pytest.fixture
def bare_lab(session, request, bound):
    """A lab for tests that do not need daemonwatch."""
    lab = harness.Lab(session, request.node.name)
    request.node.lab = lab
    yield lab
    signal.setitimer(signal.ITIMER_REAL, 60 * harness.SLOW)
    report = getattr(request.node, "report_call", None)
    lab.failed = report is None or report.failed
    trouble = None
    try:
        logs_before = lab.logs()
        trouble = lab.close()
    finally:
        request.node.lab = None
    if trouble and not lab.failed:
        for title, text in logs_before:
            print(f"---- {title}\n{text}")
        pytest.fail("after the test: " + "; ".join(trouble), pytrace=False)


@pytest.fixture
def lab(bare_lab, session):
    if session.daemonwatch is None:
        pytest.fail(f"no daemonwatch in {harness.BUILDDIR}/bin: "
                    "set BUILDDIR to the build tree", pytrace=False)
    return bare_lab
