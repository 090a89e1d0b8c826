"""MMDetection's inferencer, for any image."""

from mmdet.apis import DetInferencer

from hrnet_mm.inference.inferencer import AnyImage, NamedByConfig


class Inferencer(NamedByConfig, AnyImage, DetInferencer):
    """``DetInferencer`` for any image."""
