"""Tables of tensor names, one for each family of published HRNet checkpoints.

Our names are those of the current OpenMMLab libraries: ``backbone.`` for the trunk, and
for each head the names of mmpose, mmseg, mmdet or mmpretrain. Each table is used in
both directions. All implementations use the same names for the tensors of the trunk.
Comments name the source of each family.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from torch import Tensor

from . import tensor_conversion
from .deeplab_layers import deeplab_layers

State = Mapping[str, Tensor]

# Regular expressions of the placeholders in a row.
PLACEHOLDERS = {
    'trunk': r'(?:conv1|bn1|conv2|bn2|layer1|transition[123]|stage[234])\..+',
    'i': r'\d+',
    'j': r'\d+',
    'tensor': r'weight|bias|running_mean|running_var|num_batches_tracked',
    'rest': r'.+',
}

# A name in the family and ours; None if our models do not use the tensor.
Row = tuple[str, str | None]

# Values of ``upsample_cfg``.
NEAREST = dict(mode='nearest')
BILINEAR = dict(mode='bilinear', align_corners=False)
ALIGNED = dict(mode='bilinear', align_corners=True)


def _keep_values(state: State) -> State:
    return state


@dataclass(frozen=True)
class Family:
    """Layout of the checkpoints of one code base for one task.

    Attributes:
        name: The name in messages.
        library: The code base; a library of OpenMMLab is a key of
            ``hrnet_mm.libraries.LIBRARIES``.
        task: pose, segmentation, detection, classification, or backbone.
        rows: Pairs of the names of the family and ours.
        writes: The prefix that the tools of the family expect before every name.
        to_ours: Changes values after reading; takes and returns our names.
        to_theirs: The inverse of ``to_ours``.
        upsample_cfg: The value with which the files were trained. None if it differs
            from file to file.
        aligned_classes: Files with one of these numbers of classes were trained with
            ``align_corners=True`` instead.
    """

    name: str
    library: str
    task: str
    rows: tuple[Row, ...]
    writes: str = ''
    to_ours: Callable[[State], State] = _keep_values
    to_theirs: Callable[[State], State] = _keep_values
    upsample_cfg: Mapping[str, Any] | None = field(default_factory=NEAREST.copy)
    aligned_classes: tuple[int, ...] = ()

    def our_name(self, theirs: str) -> str | None:
        """Return our name of a tensor of the family, or None if we do not use it.

        Raises:
            KeyError: if the family has no such tensor.
        """
        return _translate(theirs, self.rows)

    def their_name(self, ours: str) -> str | None:
        """Return the name in the family of a tensor of ours.

        Raises:
            KeyError: if the family has no such tensor.
        """
        return _translate(ours, self.backwards)

    def covers(self, ours: Iterable[str]) -> bool:
        """Return whether the family has a name for each of ours."""
        return all(_matches(self.backwards, name) for name in ours)

    @property
    def backwards(self) -> tuple[Row, ...]:
        """Pairs of our names and those of the family."""
        return tuple((ours, theirs) for theirs, ours in self.rows if ours is not None)

    def unknown_keys(self, keys: Iterable[str]) -> list[str]:
        """Return the keys that no row of the table matches."""
        return [key for key in keys if not _matches(self.rows, key)]


def _translate(key: str, rows: tuple[Row, ...]) -> str | None:
    for pattern, template in _compile_rows(rows):
        if found := pattern.fullmatch(key):
            return None if template is None else template.format(**found.groupdict())
    raise KeyError(key)


def _matches(rows: tuple[Row, ...], key: str) -> bool:
    return any(pattern.fullmatch(key) for pattern, _ in _compile_rows(rows))


@cache
def _compile_rows(rows: tuple[Row, ...]) -> list[tuple[re.Pattern[str], str | None]]:
    return [(re.compile(_to_regex(theirs)), ours) for theirs, ours in rows]


def _to_regex(row: str) -> str:
    # a placeholder, such as {tensor}, becomes a named group
    return re.sub(
        r'\\{(\w+)\\}', lambda m: f'(?P<{m[1]}>{PLACEHOLDERS[m[1]]})', re.escape(row)
    )


TRUNK: Row = ('{trunk}', 'backbone.{trunk}')


def _same_rows(*names: str) -> tuple[Row, ...]:
    # names that a family shares with us
    return tuple((name, name) for name in names)


def _layer_rows(rows: Mapping[str, str]) -> tuple[Row, ...]:
    # names of layers, which precede `.weight`, `.bias` ...
    return tuple(
        (f'{theirs}.{{tensor}}', f'{ours}.{{tensor}}') for theirs, ours in rows.items()
    )


def _unused_rows(*names: str) -> tuple[Row, ...]:
    # prefixes of tensors that our models do not use
    return tuple((f'{name}.{{rest}}', None) for name in names)


# HRNet-Wx-C, lib/models/cls_hrnet.py of HRNet-Image-Classification; timm's names are
# the same. The four convolutions before norms have a bias, but not in the `ssld` files.
CLASSIFIER = (
    TRUNK,
    ('incre_modules.{i}.0.{rest}', 'neck.0.increase_layers.{i}.0.{rest}'),
    *_layer_rows(
        {
            'downsamp_modules.{i}.0': 'neck.0.downsample_layers.{i}.conv',
            'downsamp_modules.{i}.1': 'neck.0.downsample_layers.{i}.bn',
            'final_layer.0': 'neck.0.final_layer.conv',
            'final_layer.1': 'neck.0.final_layer.bn',
            'classifier': 'head.fc',
        }
    ),
)

# lib/models/seg_hrnet_ocr.py of HRNet-Semantic-Segmentation, branch HRNet-OCR.
CONTEXT = 'ocr_distri_head.object_context_block'
OUR_CONTEXT = 'decode_head.1.object_context_block'
OCR = _layer_rows(
    {
        'aux_head.0': 'decode_head.0.convs.0.conv',
        'aux_head.1': 'decode_head.0.convs.0.bn',
        'aux_head.3': 'decode_head.0.conv_seg',
        'conv3x3_ocr.0': 'decode_head.1.bottleneck.conv',
        'conv3x3_ocr.1': 'decode_head.1.bottleneck.bn',
        f'{CONTEXT}.f_pixel.0': f'{OUR_CONTEXT}.query_project.0.conv',
        f'{CONTEXT}.f_pixel.1.0': f'{OUR_CONTEXT}.query_project.0.bn',
        f'{CONTEXT}.f_pixel.2': f'{OUR_CONTEXT}.query_project.1.conv',
        f'{CONTEXT}.f_pixel.3.0': f'{OUR_CONTEXT}.query_project.1.bn',
        f'{CONTEXT}.f_object.0': f'{OUR_CONTEXT}.key_project.0.conv',
        f'{CONTEXT}.f_object.1.0': f'{OUR_CONTEXT}.key_project.0.bn',
        f'{CONTEXT}.f_object.2': f'{OUR_CONTEXT}.key_project.1.conv',
        f'{CONTEXT}.f_object.3.0': f'{OUR_CONTEXT}.key_project.1.bn',
        f'{CONTEXT}.f_down.0': f'{OUR_CONTEXT}.value_project.conv',
        f'{CONTEXT}.f_down.1.0': f'{OUR_CONTEXT}.value_project.bn',
        f'{CONTEXT}.f_up.0': f'{OUR_CONTEXT}.out_project.conv',
        f'{CONTEXT}.f_up.1.0': f'{OUR_CONTEXT}.out_project.bn',
        'ocr_distri_head.conv_bn_dropout.0': f'{OUR_CONTEXT}.bottleneck.conv',
        'ocr_distri_head.conv_bn_dropout.1.0': f'{OUR_CONTEXT}.bottleneck.bn',
        'cls_head': 'decode_head.1.conv_seg',
    }
)

# Ordered: a file belongs to the first family that has a row for each of its keys. So a
# trunk alone, which all families have, belongs to the first one.
FAMILIES = (
    Family(
        'trunk',
        'official',
        'backbone',
        (TRUNK, *_same_rows('backbone.{trunk}')),
        upsample_cfg=None,
    ),
    # lib/models/pose_hrnet.py of deep-high-resolution-net.pytorch
    Family(
        'official pose',
        'official',
        'pose',
        (TRUNK, *_layer_rows({'final_layer': 'head.final_layer'})),
    ),
    # lib/models/pose_higher_hrnet.py of HigherHRNet-Human-Pose-Estimation
    Family(
        'official HigherHRNet',
        'official',
        'pose',
        (
            TRUNK,
            ('final_layers.{rest}', 'head.final_layers.{rest}'),
            ('deconv_layers.{rest}', 'head.deconv_layers.{rest}'),
        ),
    ),
    # lib/models/hrnet.py of HRNet-Facial-Landmark-Detection
    Family(
        'official landmarks',
        'official',
        'pose',
        (
            TRUNK,
            *_layer_rows(
                {
                    'head.0': 'head.conv_layers.0',
                    'head.1': 'head.conv_layers.1',
                    'head.3': 'head.final_layer',
                }
            ),
        ),
        upsample_cfg=BILINEAR,
    ),
    # lib/models/seg_hrnet.py of HRNet-Semantic-Segmentation
    Family(
        'official segmentation',
        'official',
        'segmentation',
        (
            TRUNK,
            *_layer_rows(
                {
                    'last_layer.0': 'decode_head.convs.0.conv',
                    'last_layer.1': 'decode_head.convs.0.bn',
                    'last_layer.3': 'decode_head.conv_seg',
                }
            ),
        ),
        writes='model.',
        to_ours=tensor_conversion.make_scales_positive,
        upsample_cfg=BILINEAR,
        aligned_classes=(150, 171),  # ADE20K and COCO-Stuff
    ),
    Family(
        'official OCR',
        'official',
        'segmentation',
        (TRUNK, *OCR),
        writes='model.',
        to_ours=tensor_conversion.make_scales_positive,
        upsample_cfg=ALIGNED,
    ),
    Family('official ImageNet', 'official', 'classification', CLASSIFIER),
    # hrnet_w32-36af842e.pth and hrnet_w48-8ef0771d.pth: an earlier classifier, of which
    # only the trunk was ever used (open-mmlab/mmpose#1450)
    Family(
        'official ImageNet for pose',
        'official',
        'backbone',
        (
            TRUNK,
            *_unused_rows('head', 'incre_modules', 'downsamp_modules', 'final_layer'),
        ),
    ),
    # lib/models/hrnet_dekr.py of DEKR; mmpose has a head of its own for it
    Family(
        'official DEKR',
        'official',
        'pose',
        (
            TRUNK,
            *_unused_rows(
                'transition_heatmap',
                'transition_offset',
                'head_heatmap',
                'offset_feature_layers',
                'offset_final_layer',
            ),
        ),
    ),
    # HRNet-Object-Detection, which is mmdetection 0.5 to 1.x: background is class 0
    Family(
        'official detection',
        'official',
        'detection',
        (
            *_same_rows('backbone.{trunk}'),
            *_layer_rows(
                {
                    'neck.reduction_conv.0': 'neck.reduction_conv.conv',
                    'neck.fpn_conv.{i}': 'neck.fpn_convs.{i}.conv',
                }
            ),
            *_same_rows('rpn_head.{rest}'),
            ('bbox_head.{rest}', 'roi_head.bbox_head.{rest}'),
            ('mask_head.{rest}', 'roi_head.mask_head.{rest}'),
            ('semantic_head.{rest}', 'roi_head.semantic_head.{rest}'),
        ),
        to_ours=tensor_conversion.move_background_last,
        to_theirs=tensor_conversion.move_background_first,
    ),
    Family(
        'detectron2 Panoptic-DeepLab',
        'official',
        'detection',
        (
            *_same_rows('backbone.{trunk}'),
            ('pixel_mean', None),
            ('pixel_std', None),
            *_layer_rows(deeplab_layers()),
        ),
        to_ours=tensor_conversion.move_things_first,
        to_theirs=tensor_conversion.move_things_last,
        upsample_cfg=ALIGNED,
    ),
    # ae_higher_resolution_head.py and topdown_heatmap_simple_head.py, branch 0.x
    Family(
        'mmpose 0.x',
        'mmpose-0.x',
        'pose',
        (
            *_same_rows('backbone.{trunk}'),
            ('keypoint_head.final_layers.{rest}', 'head.final_layers.{rest}'),
            ('keypoint_head.deconv_layers.{rest}', 'head.deconv_layers.{rest}'),
            *_layer_rows({'keypoint_head.final_layer': 'head.final_layer'}),
        ),
    ),
    Family(
        'mmpose 0.x landmarks',
        'mmpose-0.x',
        'pose',
        (
            *_same_rows('backbone.{trunk}'),
            *_layer_rows(
                {
                    'keypoint_head.final_layer.0': 'head.conv_layers.0',
                    'keypoint_head.final_layer.1': 'head.conv_layers.1',
                    'keypoint_head.final_layer.3': 'head.final_layer',
                }
            ),
        ),
        upsample_cfg=BILINEAR,
    ),
    Family(
        'mmpretrain',
        'mmpretrain',
        'classification',
        _same_rows('backbone.{trunk}', 'neck.0.{rest}', 'head.fc.{tensor}'),
    ),
    Family('mmpose', 'mmpose', 'pose', _same_rows('backbone.{trunk}', 'head.{rest}')),
    Family(
        'mmseg',
        'mmseg',
        'segmentation',
        _same_rows('backbone.{trunk}', 'decode_head.{rest}', 'auxiliary_head.{rest}'),
        upsample_cfg=BILINEAR,
    ),
    Family(
        'mmdet',
        'mmdet',
        'detection',
        _same_rows(
            'backbone.{trunk}',
            'neck.reduction_conv.{rest}',
            'neck.fpn_convs.{rest}',
            'rpn_head.{rest}',
            'roi_head.{rest}',
            'bbox_head.{rest}',
            'mask_head.{rest}',
            'semantic_head.{rest}',
            'instance_head.{rest}',
            'panoptic_head.{rest}',
        ),
    ),
    Family(
        'Universal',
        'hrnet_mm',
        'several tasks',
        _same_rows('backbone.{trunk}', 'tasks.{rest}', 'uncertainty.{rest}'),
        upsample_cfg=None,
    ),
)
BY_NAME = {family.name: family for family in FAMILIES}
