# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Waiting for a state, and processes as /proc shows them: what the harness and
# the tests know of the system.

import contextlib
import os
import select
import signal
import time

# Everything is allowed this many times longer (valgrind, a slow machine).
SLOW = float(os.environ.get("DWTEST_SLOW", "1"))


class Unmet(AssertionError):
    """A state that was waited for has not come."""


def wait_for(predicate, what, timeout=10.0):
    """Ask until the answer is true, and return it; Unmet at the deadline.

    AssertionError, OSError and LookupError from the predicate mean "not yet".
    """
    end = time.monotonic() + timeout * SLOW
    pause = 0.002
    while True:
        trouble = None
        try:
            answer = predicate()
            if answer:
                return answer
            trouble = f"last answer: {answer!r}"
        except (AssertionError, OSError, LookupError) as e:
            trouble = f"last answer: {type(e).__name__}: {e}"
        if time.monotonic() >= end:
            raise Unmet(f"not within {timeout * SLOW:g} s: {what}; {trouble}")
        time.sleep(pause)   # between two looks, not instead of one
        pause = min(pause * 1.5, 0.03)


def monotonic_ns():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


# ---------------------------------------------------------------- processes

def stat_of(pid):
    """State, ppid, pgid, sid, start time of a process; None when it is gone.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:
            text = f.read()
    except OSError:
        return None
    rest = text[text.rindex(b")") + 2:].split()
    return {"state": rest[0].decode(), "ppid": int(rest[1]),
            "pgid": int(rest[2]), "sid": int(rest[3]), "tty": int(rest[4]),
            "start": int(rest[19])}


def status_of(pid):
    """/proc/PID/status as a dictionary."""
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as f:
        return dict(line.rstrip("\n").split(":", 1) for line in f
                    if ":" in line)


def alive(pid):
    """Is it there, and more than a zombie?"""
    s = stat_of(pid)
    return s is not None and s["state"] not in "ZX"


def environ_of(pid):
    with open(f"/proc/{pid}/environ", "rb") as f:
        return f.read()


def cmdline_of(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as f:
        return f.read().rstrip(b"\0").replace(b"\0", b" ").decode(
            "utf-8", "replace")


def fds_of(pid):
    """descriptor -> what it is"""
    out = {}
    base = f"/proc/{pid}/fd"
    for name in os.listdir(base):
        with contextlib.suppress(OSError):
            out[int(name)] = os.readlink(f"{base}/{name}")
    return out


def all_pids():
    return [int(n) for n in os.listdir("/proc") if n.isdigit()]


def children_of(pid):
    return [p for p in all_pids()
            if (s := stat_of(p)) is not None and s["ppid"] == pid]


def descendants_of(pid):
    parent = {p: s["ppid"] for p in all_pids()
              if (s := stat_of(p)) is not None}
    found, new = set(), {pid}
    while new:
        new = {p for p, pp in parent.items() if pp in new} - found
        found |= new
    return found


def voluntary_switches(pid):
    return int(status_of(pid)["voluntary_ctxt_switches"])


def cpu_ns(pid):
    """Time on a processor, without its children's."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
        return int(f.read().split()[0])


def kill(pid, signo=signal.SIGKILL):
    """Signal a process of ours, as surely as the system lets us."""
    fd = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(fd, signo)
    finally:
        os.close(fd)


def kill_and_wait(pid, signo=signal.SIGKILL):
    """Returns the monotonic time of the kill; the process is gone then."""
    fd = os.pidfd_open(pid)
    try:
        when = monotonic_ns()
        signal.pidfd_send_signal(fd, signo)
        if not select.select([fd], [], [], 10 * SLOW)[0]:
            raise Unmet(f"process {pid} survives signal {signo}")
    finally:
        os.close(fd)
    return when
