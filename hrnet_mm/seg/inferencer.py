"""MMSegmentation's inferencer, for any image."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from mmseg.apis import MMSegInferencer

from hrnet_mm.inference.inferencer import AnyImage, NamedByConfig


class Inferencer(NamedByConfig, AnyImage, MMSegInferencer):
    """``MMSegInferencer`` for any image, of any size beside others."""

    def preprocess(
        self, inputs: Any, batch_size: int = 1, **kwargs: Any
    ) -> Iterator[Any]:
        """Batches of at most ``batch_size`` images that follow each other in one size.

        The preprocessor stacks images, and so refuses a batch of several sizes.
        """
        for chunk in self._get_chunk_data(map(self.pipeline, inputs), batch_size):
            for _, alike in groupby(chunk, key=lambda sample: sample['inputs'].shape):
                yield self.collate_fn([*alike])
