"""MMPretrain's inferencer for images of any channels and dtype."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose
from mmpretrain.apis import ImageClassificationInferencer
from mmpretrain.registry import TRANSFORMS

from hrnet_mm.images import ReadArrays, loader_of
from hrnet_mm.inference.inferencer import AnyImage


class Inferencer(AnyImage, ImageClassificationInferencer):
    """``ImageClassificationInferencer`` that loads images as the config does.

    The stock one loads all images as 8-bit colour.
    """

    def _init_pipeline(self, cfg: Config) -> Callable:
        loader = loader_of(cfg.test_dataloader.dataset.pipeline)
        others = super(AnyImage, self)._init_pipeline(cfg)
        return Compose([_Load(loader), others])

    def preprocess(self, inputs: Any, batch_size: int = 1) -> Iterator[Any]:
        """Yield batches of preprocessed images; the pipeline loads the files."""
        yield from super(ImageClassificationInferencer, self).preprocess(
            inputs, batch_size
        )


class _Load:
    # LoadImageFromFile of the config that also accepts arrays

    def __init__(self, loader: dict[str, Any]) -> None:
        self.from_file = TRANSFORMS.build(loader)
        self.reads = ReadArrays(loader)

    def __call__(self, given: str | np.ndarray) -> dict[str, Any]:
        if isinstance(given, str):
            return self.from_file(dict(img_path=given))
        image = self.reads.read(given)
        if self.from_file.to_float32:
            image = image.astype(np.float32)
        size = image.shape[:2]
        return dict(img=image, img_shape=size, ori_shape=size)
