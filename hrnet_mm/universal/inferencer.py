"""The inferencer of networks for several tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.infer import BaseInferencer

from hrnet_mm.building import load_trained
from hrnet_mm.checkpoints import read
from hrnet_mm.datasets.metainfo import metainfo_of, stored_metainfo
from hrnet_mm.images import drawable, loader_of
from hrnet_mm.inference.inferencer import AnyImage
from hrnet_mm.registry import TRANSFORMS
from hrnet_mm.visualization import read_image

from .pictures import draw_together, task_predictors
from .pipeline import PerTask
from .samples import TaskSamples


class _Inferencer(BaseInferencer):
    # on images that are files or arrays in BGR

    visualize_kwargs = {'return_vis'}  # noqa: RUF012  # as the base class has it

    def _init_model(self, cfg: Config, weights: str, device: str = 'cpu') -> Any:
        if 'tasks' not in cfg.test_dataloader.dataset:
            raise ValueError(
                'the test data are no hrnet_mm.SameImages: an image has one pipeline '
                'for all tasks'
            )
        model = load_trained(cfg, Path(weights))
        named = metainfo_of(cfg.test_dataloader.dataset)
        stored = stored_metainfo(read(weights).meta)
        model.dataset_meta = named | {
            name: stored[name] for name in model.tasks if name in stored
        }
        model.cfg = cfg
        return model.to(device).eval()

    def _init_pipeline(self, cfg: Config) -> Any:
        pipeline = cfg.test_dataloader.dataset.pipeline
        metainfo = self.model.dataset_meta
        return Compose([_ReadImage(pipeline, metainfo), *_without_labels(pipeline)])

    def _init_collate(self, cfg: Config) -> Any:
        return pseudo_collate

    def _init_visualizer(self, cfg: Config) -> None:
        return None  # the predictors of the tasks draw

    def visualize(
        self, inputs: list[Any], preds: Sequence[TaskSamples], return_vis: bool = False
    ) -> list[np.ndarray] | None:
        """Draw all tasks on each image, blue, green, red, if ``return_vis``."""
        if not return_vis:
            return None
        model = self.model
        predictors = task_predictors(model, self.cfg, model.dataset_meta)
        return [
            draw_together(
                read_image(given) if isinstance(given, str) else given,
                sample.cpu(),
                predictors,
            )
            for given, sample in zip(inputs, preds, strict=True)
        ]

    def postprocess(
        self,
        preds: Sequence[TaskSamples],
        visualization: list[np.ndarray] | None,
        return_datasample: bool = False,
    ) -> dict[str, Any]:
        """Return ``predictions`` and ``visualization``, each with one for an image."""
        found = [it if return_datasample else it.to_dict() for it in preds]
        return dict(predictions=found, visualization=visualization)


class Inferencer(AnyImage, _Inferencer):  # type: ignore[misc]
    """The predictions of all tasks on images of any channels and dtype.

    It runs the test pipeline of the config without the transforms that read labels
    (``hrnet_mm.PerTask``).

    Calling it with images returns ``predictions``, the samples of all tasks as dicts,
    or as ``TaskSamples`` with ``return_datasamples=True``, and ``visualization``, the
    pictures with ``return_vis=True``, else None.

    Args:
        model: The config, whose test data are ``SameImages``.
        weights: The path of the checkpoint.
        kwargs: ``device`` and ``show_progress`` of mmengine's ``BaseInferencer``.
    """

    def picture(self, image: np.ndarray) -> np.ndarray:
        """Return the image to draw on, (H, W, 3) in BGR, uint8."""
        return drawable(image)


class _ReadImage:
    # the first transform of a pipeline, for files and arrays; no task has labels

    def __init__(self, pipeline: Sequence[Any], metainfo: Mapping[str, Any]) -> None:
        self._load = TRANSFORMS.build(loader_of(pipeline))
        self._metainfo = metainfo

    def __call__(self, given: Any) -> dict[str, Any]:
        if isinstance(given, np.ndarray):
            size = given.shape[:2]
            image = dict(img=given, img_path='', img_shape=size, ori_shape=size)
        else:
            image = self._load(dict(img_path=given))
        tasks = {name: dict(meta) for name, meta in self._metainfo.items()}
        return image | dict(img_id=0, sample_idx=0, tasks=tasks)


def _without_labels(pipeline: Sequence[Any]) -> list[Any]:
    loader = loader_of(pipeline)
    steps = Compose([step for step in pipeline if step is not loader]).transforms
    return [step for step in steps if type(step) is not PerTask]
