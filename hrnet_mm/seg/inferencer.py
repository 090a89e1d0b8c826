"""MMSegmentation's inferencer for images of any channels, dtype and size."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from mmseg.apis import MMSegInferencer

from hrnet_mm.inference.inferencer import AnyImage, NamedByConfig


class Inferencer(NamedByConfig, AnyImage, MMSegInferencer):
    """``MMSegInferencer`` for images of any channels and dtype, and of mixed sizes."""

    def preprocess(
        self, inputs: Any, batch_size: int = 1, **kwargs: Any
    ) -> Iterator[Any]:
        """Yield batches of at most ``batch_size`` consecutive images of equal size.

        The data preprocessor stacks images, which fails for several sizes.
        """
        for chunk in self._get_chunk_data(map(self.pipeline, inputs), batch_size):
            for _, alike in groupby(chunk, key=lambda sample: sample['inputs'].shape):
                yield self.collate_fn([*alike])
