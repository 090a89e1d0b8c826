"""Packing of images without a copy, shared by detection and segmentation."""

from __future__ import annotations

from typing import Any

from hrnet_mm.images import channels_first


class PacksView:
    """Mixin for a transform that packs ``img`` of shape (H, W, C).

    ``inputs`` has the values of the stock transform, and shares the memory of the
    image. See ``hrnet_mm.images.channels_first``.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Return ``inputs``, (C, H, W), and ``data_samples``."""
        labels = {key: value for key, value in results.items() if key != 'img'}
        packed = super().transform(labels)  # type: ignore[misc]
        if 'img' not in results:
            return packed
        return dict(inputs=channels_first(results['img'])) | packed
