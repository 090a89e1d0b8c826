"""What a job that listens to signals leaves as it was."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import time
from types import SimpleNamespace

import pytest
from mmengine.runner import EpochBasedTrainLoop

from hrnet_mm.engine import ExactResumeHook
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


@pytest.mark.parametrize('exact', [True, False])
def test_a_job_that_would_repeat_its_epoch_is_told_before_it_trains(exact, caplog):
    hooks = [ExactResumeHook(enable=exact)]
    runner = SimpleNamespace(
        train_loop=EpochBasedTrainLoop.__new__(EpochBasedTrainLoop),
        hooks=hooks,
        logger=logging.getLogger('preemption'),
    )
    PreemptionHook().before_train(runner)
    assert ('ExactResumeHook' in caplog.text) == (not exact)
