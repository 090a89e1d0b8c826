"""One trunk for the models of several tasks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from hrnet_mm.registry import MODELS


class Streams:
    """The streams of a trunk, computed once for each batch of images.

    Args:
        owner: The model whose ``backbone`` is the trunk. It may be replaced, as by
            ``hrnet_mm.deploy``.
    """

    def __init__(self, owner: nn.Module) -> None:
        self._owner = owner
        self._images: Tensor | None = None
        self._streams: tuple[Tensor, ...] | None = None

    @property
    def trunk(self) -> Any:
        """The trunk of the model."""
        return self._owner.backbone

    @contextmanager
    def shared(self, images: Tensor) -> Iterator[None]:
        """Keep the streams of ``images``, (N, C, H, W), until the block ends."""
        self._images = images
        try:
            yield
        finally:
            self._images = self._streams = None

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the streams of images, from high to low resolution."""
        if images is not self._images:  # a window or a flipped copy
            return self.trunk(images)
        if self._streams is None:
            self._streams = self.trunk(images)
        return self._streams


@MODELS.register_module()
class SharedTrunk(nn.Module):
    """The backbone of a task of ``Universal``: it returns the streams of its trunk.

    It has no parameters, so that a state dict has the trunk once.

    Args:
        multiscale_output: Whether to return all streams, or only the first, as the
            argument of ``HRNet``.
    """

    def __init__(self, multiscale_output: bool = True) -> None:
        super().__init__()
        self.multiscale_output = multiscale_output
        self.streams: Streams | None = None

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the streams of images, (N, C, H, W)."""
        if self.streams is None:
            raise RuntimeError('SharedTrunk works only in a task of hrnet_mm.Universal')
        streams = self.streams(images)
        return streams if self.multiscale_output else streams[:1]
