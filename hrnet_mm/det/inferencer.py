"""MMDetection's inferencer, for any image."""

from mmdet.apis import DetInferencer

from hrnet_mm.inferencers import AnyImage


class Inferencer(AnyImage, DetInferencer):
    """``DetInferencer`` for any image."""
