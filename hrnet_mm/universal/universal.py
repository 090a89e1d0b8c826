"""One trunk and several tasks, in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseModel, ModuleDict
from torch import Tensor, nn

from hrnet_mm.messages import shortened
from hrnet_mm.registry import MODELS

from .samples import TaskSamples
from .shared_trunk import SharedTrunk, Streams

Losses = dict[str, Any]


@MODELS.register_module()
class Universal(BaseModel):
    """One HRNet for all tasks.

    A task is a model of mmpose, mmseg, mmdet or mmpretrain without its backbone. The
    trunk runs once for each batch; every task reads its streams through its own neck.

    Args:
        backbone: The trunk: ``hrnet_mm.HRNet``.
        tasks: For each task its model, whose ``_scope_`` is the library that builds it;
            ``read_task`` reads both from a config. Its backbone is
            ``hrnet_mm.SharedTrunk``. The names are those of ``TaskSamples``. None
            removes a task of a base config.
        loss_weights: The weight of the losses of a task; 1 if there is none.
        uncertainty: Whether to learn a further weight for each task (Kendall et al.,
            CVPR 2018, section 3.2): its losses L become ``exp(-s) * L + s / 2`` with a
            learned s, which begins at 0.
        frozen_tasks: Names of tasks that are not trained. Freeze the trunk, too
            (``frozen_stages=4``), to keep their predictions.
        data_preprocessor: ``UniversalPreprocessor``.
        init_cfg: Initialization.

    Attributes:
        streams: The streams of the trunk, which all tasks read.

    Raises:
        ValueError: If a name is unknown or not valid, if a task has a backbone of its
            own, or if all tasks are frozen.
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        tasks: Mapping[str, dict[str, Any] | None],
        loss_weights: Mapping[str, float] | None = None,
        uncertainty: bool = False,
        frozen_tasks: Sequence[str] = (),
        data_preprocessor: dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        given = {name: task for name, task in tasks.items() if task is not None}
        weighted = {k: it for k, it in (loss_weights or {}).items() if it is not None}
        self.loss_weights, self.frozen_tasks = weighted, tuple(frozen_tasks)
        _check_names(given, self.loss_weights, self.frozen_tasks)
        self.backbone = MODELS.build(backbone)
        self.streams = Streams(self)
        self.tasks = ModuleDict()
        for name, task in given.items():
            self.tasks[name] = _build_task(name, task, self.streams)
            _check_pixels(name, self.tasks[name].data_preprocessor, self)
        self.trained_tasks = [name for name in given if name not in self.frozen_tasks]
        self.uncertainty = (
            nn.ParameterDict(
                {name: nn.Parameter(torch.zeros(())) for name in self.trained_tasks}
            )
            if uncertainty
            else None
        )
        self.train()

    def train(self, mode: bool = True) -> Universal:
        """Set the mode, but keep frozen tasks in eval mode."""
        super().train(mode)
        for name in self.frozen_tasks:
            self.tasks[name].eval().requires_grad_(False)
        return self

    def forward(
        self,
        inputs: list[Tensor],
        data_samples: list[list[TaskSamples]] | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """Compute losses, predictions or the outputs of the heads.

        Args:
            inputs: Batches of images, (N, C, H, W). The samples of a batch have the
                same tasks.
            data_samples: The samples of each batch.
            mode: ``'loss'``, ``'predict'`` or ``'tensor'``.

        Returns:
            The losses, whose names begin with the task; the samples, with predictions
            in the sample of each task; or, for each batch, the outputs of the forward
            method of each task.

        Raises:
            ValueError: If a task is unknown, or no batch has the task in training.
        """
        if mode not in ('loss', 'predict', 'tensor'):
            raise ValueError(f'mode={mode!r} is not one of loss, predict, tensor')
        batches = data_samples or [[] for _ in inputs]
        if mode == 'loss':
            return self._loss(inputs, batches)
        run = self._predict if mode == 'predict' else self._outputs
        results: list[Any] = []
        for images, samples in zip(inputs, batches, strict=True):
            with self.streams.shared(images):
                results += run(images, samples)
        return results

    def _loss(self, inputs: list[Tensor], batches: list[list[TaskSamples]]) -> Losses:
        losses: Losses = {}
        counts = {
            name: sum(len(samples) for samples in batches if name in samples[0].tasks)
            for name in self.trained_tasks
        }
        if missing := [name for name, count in counts.items() if not count]:
            raise ValueError(
                f'the batch has no sample of the tasks {shortened(missing)}: each step '
                'needs all tasks that are trained. Add them to the data set or its '
                'PackTasks, or name them in frozen_tasks of hrnet_mm.Universal'
            )
        for images, samples in zip(inputs, batches, strict=True):
            with self.streams.shared(images):
                for name in self._tasks_of(samples):
                    if name in counts:
                        share = len(samples) / counts[name]
                        found = self._run(name, images, samples, 'loss')
                        _add(losses, name, found, share)
        for name in counts:
            self._weigh(losses, name)
        return losses

    def _weigh(self, losses: Losses, name: str) -> None:
        weight: Any = self.loss_weights.get(name, 1.0)
        if self.uncertainty is not None:
            learned = self.uncertainty[name]
            weight = weight * torch.exp(-learned)
        for key in losses:
            if key.startswith(f'{name}.') and 'loss' in key:
                losses[key] = _scaled(losses[key], weight)
        if self.uncertainty is not None:
            losses[f'{name}.loss_uncertainty'] = learned / 2
            losses[f'{name}.weight'] = weight.detach()

    def _predict(
        self, images: Tensor, samples: list[TaskSamples]
    ) -> Sequence[TaskSamples]:
        for name in self._tasks_of(samples):
            predictions = self._run(name, images, samples, 'predict')
            for sample, prediction in zip(samples, predictions, strict=True):
                sample.set_field(prediction, name)
        return samples

    def _outputs(self, images: Tensor, samples: list[TaskSamples]) -> list[Any]:
        names = self._tasks_of(samples) if samples else self.tasks
        return [{name: self._run(name, images, samples, 'tensor') for name in names}]

    def _run(
        self, name: str, images: Tensor, samples: list[TaskSamples], mode: str
    ) -> Any:
        of_task = [sample.get(name) for sample in samples]
        return self.tasks[name](images, of_task or None, mode=mode)

    def _tasks_of(self, samples: list[TaskSamples]) -> list[str]:
        names = samples[0].tasks
        if unknown := [name for name in names if name not in self.tasks]:
            raise ValueError(
                f'the data have the tasks {shortened(unknown)}, but hrnet_mm.Universal '
                f'has {shortened([*self.tasks])}'
            )
        return [name for name in self.tasks if name in names]


def _check_names(
    tasks: Mapping[str, Any], weighted: Mapping[str, float], frozen: Sequence[str]
) -> None:
    for name in tasks:
        # mmengine adds up all values whose name has "loss" in it
        if not name.isidentifier() or 'loss' in name or hasattr(TaskSamples, name):
            raise ValueError(
                f'a task cannot be called {name!r}: use a word such as objects, joints '
                'or parts, without "loss"'
            )
    for argument, names in (('loss_weights', weighted), ('frozen_tasks', frozen)):
        if unknown := [name for name in names if name not in tasks]:
            raise ValueError(
                f'{argument} has {shortened(unknown)}, but the tasks are '
                f'{shortened([*tasks])}'
            )
    if set(tasks) == set(frozen):
        raise ValueError('all tasks are in frozen_tasks: there is nothing to train')


def _build_task(name: str, task: dict[str, Any], streams: Streams) -> nn.Module:
    if '_scope_' not in task and '.' not in str(task.get('type')):
        raise ValueError(
            f'the task {name!r} needs the library that builds it, for example '
            f'dict(_scope_="mmdet", type="MaskRCNN", ...); read_task("LEAF.py") '
            'reads it from a config'
        )
    task = ConfigDict(task)  # MMDetection reads attributes of nested settings
    task.setdefault('backbone', dict(type='hrnet_mm.SharedTrunk'))
    model = MODELS.build(task)
    if not isinstance(model.backbone, SharedTrunk):
        raise ValueError(
            f'the task {name!r} has the backbone {type(model.backbone).__name__}: '
            'remove it, or set it to dict(type="hrnet_mm.SharedTrunk"). The trunk is '
            'model.backbone'
        )
    model.backbone.streams = streams
    return model


def _check_pixels(name: str, given: Any, model: Universal) -> None:
    # the task sees the pixels that the preprocessor of the network returns
    if getattr(given, 'batch_augments', None):
        raise ValueError(
            f'the task {name!r} has batch_augments, which would change the images of '
            'all tasks: remove them from its data_preprocessor'
        )
    for key in ('mean', 'std'):
        wanted, ours = (
            getattr(preprocessor, key, None)
            for preprocessor in (given, model.data_preprocessor)
        )
        if wanted is None or ours is None or wanted.is_meta:
            continue
        if wanted.flatten().tolist() != ours.flatten().tolist():
            raise ValueError(
                f'the task {name!r} normalises images with '
                f'{key}={wanted.flatten().tolist()}, but the network with '
                f'{ours.flatten().tolist()}: all tasks see the same pixels. Give both '
                'data preprocessors one value'
            )


def _add(losses: Losses, name: str, found: Losses, share: float) -> None:
    # a task with several batches has the mean over its samples
    for key, value in found.items():
        key, value = f'{name}.{key}', _scaled(value, share)
        if key not in losses:
            losses[key] = value
        elif isinstance(value, Tensor):
            losses[key] = losses[key] + value
        else:
            losses[key] = [a + b for a, b in zip(losses[key], value, strict=True)]


def _scaled(value: Any, factor: Any) -> Any:
    if isinstance(factor, float) and factor == 1:
        return value
    if isinstance(value, Tensor):
        return value * factor
    return [_scaled(part, factor) for part in value]
