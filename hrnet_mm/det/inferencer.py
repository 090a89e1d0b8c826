"""MMDetection's inferencer for images of any channels and dtype."""

from mmdet.apis import DetInferencer

from hrnet_mm.inference.inferencer import AnyImage, NamedByConfig


class Inferencer(NamedByConfig, AnyImage, DetInferencer):
    """``DetInferencer`` for images of any channels and dtype."""
