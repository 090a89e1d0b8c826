"""MMDetection's inferencer, for any image."""

from mmdet.apis import DetInferencer

from hrnet_mm.inferencers import AnyImage, NamedByConfig


class Inferencer(NamedByConfig, AnyImage, DetInferencer):
    """``DetInferencer`` for any image."""
