"""Pictures of predictions while training, at a bounded cost."""

from mmdet.engine.hooks import DetVisualizationHook

from hrnet_mm.hooks import SparseVisualization
from hrnet_mm.registry import HOOKS


@HOOKS.register_module()
class SparseDetVisualizationHook(SparseVisualization, DetVisualizationHook):
    """MMDetection's hook at a bounded cost; ``--show-dir`` draws all test images."""
