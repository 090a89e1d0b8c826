"""What a job that listens to signals leaves as it was."""

from __future__ import annotations

import multiprocessing
import signal
import time

from hrnet_mm.engine.preemption import PreemptionHook


def test_a_child_ends_when_its_parent_terminates_it():
    """``multiprocessing.Pool`` waits for that without end."""
    hook = PreemptionHook()
    hook.before_run(None)
    try:
        context = multiprocessing.get_context('fork')
        child = context.Process(target=time.sleep, args=(60,))
        child.start()
        child.terminate()
        child.join(timeout=30)
        code = child.exitcode
        child.kill()
        assert signal.getsignal(signal.SIGTERM) == hook.receive
    finally:
        hook.after_run(None)
    assert code == -signal.SIGTERM
