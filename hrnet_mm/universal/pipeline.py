"""Transforms that run the transforms of each task on its part of a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform

from hrnet_mm.images import planes
from hrnet_mm.messages import shortened
from hrnet_mm.registry import TRANSFORMS

from .samples import TaskSamples

Results = dict[str, Any]


@TRANSFORMS.register_module()
class PerTask(BaseTransform):
    """Run transforms of the libraries, each list on the labels of one task.

    A transform reads the keys of the image and those of its task. The keys that it adds
    or changes belong to the task. A task that a sample does not have is skipped.

    Args:
        scopes: The library of each task, such as ``dict(parts='mmseg')``, in which its
            transforms, and what they build, are looked up.
        tasks: The transforms of each task.

    Raises:
        ValueError: If a task has no scope, or a transform changes the image, which
            belongs to all tasks.
    """

    def __init__(
        self, scopes: Mapping[str, str], **tasks: Sequence[dict[str, Any]]
    ) -> None:
        if missing := tasks.keys() - scopes.keys():
            raise ValueError(
                f'{type(self).__name__} has no scope for {", ".join(sorted(missing))}: '
                "scopes must name the library of each task, such as 'mmdet' "
                f'(now {dict(scopes)})'
            )
        self.tasks = {
            name: [
                TRANSFORMS.build(dict(_scope_=scopes[name]) | step) for step in steps
            ]
            for name, steps in tasks.items()
            if steps is not None
        }

    def transform(self, results: Results) -> Results | None:
        """Return the results with the changed labels; None if a transform does."""
        shared = {key: value for key, value in results.items() if key != 'tasks'}
        infos = dict(results['tasks'])
        for name, steps in self.tasks.items():
            if name not in infos:
                continue
            changed = _run(steps, shared | infos[name])
            if changed is None:
                return None
            if changed.get('img') is not shared.get('img'):
                raise ValueError(
                    f'a transform of the task {name} changes the image, which belongs '
                    f'to all tasks: move it out of {type(self).__name__}'
                )
            infos[name] = _own(changed, shared, infos[name])
        return shared | dict(tasks=infos)

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.tasks})'


def _run(steps: Sequence[Any], results: Results) -> Results | None:
    for step in steps:
        results = step(results)
        if results is None:
            return None
    return results


def _own(changed: Results, shared: Results, before: Results) -> Results:
    return {
        key: value
        for key, value in changed.items()
        if key in before or key not in shared or value is not shared[key]
    }


@TRANSFORMS.register_module()
class PackTasks(PerTask):
    """Pack the image once, and the labels of each task with its own transforms.

    The last transform of each task packs, such as ``PackDetInputs``; those before make
    targets.

    Args:
        scopes: As for ``PerTask``.
        tasks: As for ``PerTask``; all tasks of the sample.

    Raises:
        ValueError: If the sample has a task without transforms.
    """

    def transform(self, results: Results) -> Results | None:
        """Return ``inputs``, (C, H, W), and ``data_samples``, a ``TaskSamples``."""
        if missing := results['tasks'].keys() - self.tasks.keys():
            raise ValueError(
                f'PackTasks packs {shortened([*self.tasks])}, but the sample also has '
                f'{shortened(sorted(missing))}: add its transforms'
            )
        shared = {key: value for key, value in results.items() if key != 'tasks'}
        samples = TaskSamples()
        for name, info in results['tasks'].items():
            *targets, pack = self.tasks[name]
            labels = _run(targets, shared | info)
            if labels is None:
                return None
            # transforms that pack would copy the whole image
            packed = pack(labels | dict(img=shared['img'][:1, :1]))
            samples.set_field(packed['data_samples'], name)
        return dict(inputs=planes(shared['img']), data_samples=samples)


def transforms_of(task: str, steps: Sequence[Any]) -> list[Any]:
    """Return the transforms of a pipeline that a task passes through, in their order.

    Args:
        task: The name of the task.
        steps: The built transforms of the pipeline.
    """
    found: list[Any] = []
    for step in steps:
        found += step.tasks.get(task, []) if isinstance(step, PerTask) else [step]
    return found


@TRANSFORMS.register_module()
class JointResize(mmcv.transforms.Resize):
    """mmcv's ``Resize`` of the image of several tasks, for tests.

    Labels keep the coordinates of the original image, in which all libraries score.
    Keypoints are mapped back by MMPose with ``input_size``, ``input_center`` and
    ``input_scale``, boxes and label maps with ``scale_factor`` and ``ori_shape``.

    Args:
        kwargs: Arguments of ``Resize``: ``scale`` (width, height) or ``scale_factor``,
            ``keep_ratio`` ...
    """

    def transform(self, results: Results) -> Results:
        """Resize ``img``."""
        results = super().transform(results)
        height, width = results['img_shape'][:2]
        original = np.array(results['ori_shape'][1::-1], np.float32)
        return results | dict(
            input_size=(width, height), input_center=original / 2, input_scale=original
        )
