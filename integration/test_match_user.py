# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# Processes of a detached service that are of the right user, and others that
# only look like them.

import os
import subprocess
import sys

import pytest

from harness import alive, kill_and_wait, quote, service, wait_for

NOBODY = 65534


@pytest.mark.root
def test_only_processes_of_that_user_count(lab):
    text = f"import time; time.sleep(1000) # {lab.mark} server"
    argv = [sys.executable, "-S", "-c", text]
    os.chmod(lab.dir, 0o755)
    fake = lab.popen(argv)      # root's: it looks the same
    real = subprocess.Popen(argv, user=NOBODY, group=NOBODY, extra_groups=[],
                            env=lab.env, start_new_session=True)
    lab.popens.append(real)
    dw = lab.daemonwatch(service(
        "web", type="detached", match=quote(f"-S -c .* {lab.mark} server"),
        match_user="nobody", on_exit="stop",
        start=quote(f"setsid {sys.executable} -S -c {text!r} "
                    ">/dev/null 2>&1 </dev/null &"),
        user="nobody")).start_foreground()
    dw.wait_up("web")
    assert dw.service("web")["pids"] == [real.pid]
    # Its death is seen, though the other one lives on.
    kill_and_wait(real.pid)
    real.wait()
    wait_for(lambda: dw.service("web")["restarts"] or
             dw.service("web")["pids"] not in ([], [real.pid]), "a new one")
    dw.wait_up("web")
    (pid,) = dw.service("web")["pids"]
    assert pid not in (fake.pid, real.pid)
    assert os.stat(f"/proc/{pid}").st_uid == NOBODY
    assert dw.cli("stop", "web").rc == 0
    dw.wait_state("web", "stopped")
    assert alive(fake.pid) and not alive(pid)
