"""Registries of the scope ``hrnet_mm``, for ``type='hrnet_mm.HRNet'`` in configs.

mmengine imports this module when it finds the prefix ``hrnet_mm``. So configs need no
``custom_imports``, and no name conflicts with the ``HRNet`` of a library. Modules that
need a task library are not in ``locations``; configs import the subpackage of their
task, so that a broken mmpose cannot break a segmentation job.
"""

from mmengine import registry as root
from mmengine.registry import Registry

MODELS = Registry(
    'model', parent=root.MODELS, scope='hrnet_mm', locations=['hrnet_mm.models']
)
DATASETS = Registry('dataset', parent=root.DATASETS, scope='hrnet_mm')
METRICS = Registry('metric', parent=root.METRICS, scope='hrnet_mm')
EVALUATORS = Registry('evaluator', parent=root.EVALUATOR, scope='hrnet_mm')
HOOKS = Registry(
    'hook',
    parent=root.HOOKS,
    scope='hrnet_mm',
    locations=['hrnet_mm.engine'],
)
LOOPS = Registry(
    'loop', parent=root.LOOPS, scope='hrnet_mm', locations=['hrnet_mm.engine']
)
OPTIMIZERS = Registry(
    'optimizer',
    parent=root.OPTIMIZERS,
    scope='hrnet_mm',
    locations=['hrnet_mm.engine'],
)
DATA_SAMPLERS = Registry(
    'data sampler',
    parent=root.DATA_SAMPLERS,
    scope='hrnet_mm',
    locations=['hrnet_mm.engine'],
)
TRANSFORMS = Registry(
    'transform',
    parent=root.TRANSFORMS,
    scope='hrnet_mm',
    locations=['hrnet_mm.engine'],
)
FUNCTIONS = Registry(
    'function',
    parent=root.FUNCTIONS,
    scope='hrnet_mm',
    locations=['hrnet_mm.engine'],
)
VISUALIZERS = Registry('visualizer', parent=root.VISUALIZERS, scope='hrnet_mm')
VISBACKENDS = Registry(
    'visualization backend',
    parent=root.VISBACKENDS,
    scope='hrnet_mm',
    locations=['hrnet_mm.engine'],
)
WEIGHT_INITIALIZERS = Registry(
    'weight initializer',
    parent=root.WEIGHT_INITIALIZERS,
    scope='hrnet_mm',
    locations=['hrnet_mm.checkpoints.pretrained'],
)
