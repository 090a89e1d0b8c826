"""The layouts of published HRNet files: one table of names for each family.

Our names are those of the current OpenMMLab libraries: ``backbone.`` for the trunk, and
for each head what mmpose, mmseg, mmdet and mmpretrain call it. A table is read in both
directions. Sources are named with each family; shared facts: every implementation names
the tensors of the trunk alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from torch import Tensor

from . import tensor_conversion

State = Mapping[str, Tensor]

# What stands in a row for a part of a name.
PARTS = {
    'trunk': r'(?:conv1|bn1|conv2|bn2|layer1|transition[123]|stage[234])\..+',
    'i': r'\d+',
    'j': r'\d+',
    'tensor': r'weight|bias|running_mean|running_var|num_batches_tracked',
    'rest': r'.+',
}

# Theirs, ours; None where there is no place for it here.
Row = tuple[str, str | None]

# ``upsample_cfg`` as configs write it.
NEAREST = dict(mode='nearest')
BILINEAR = dict(mode='bilinear', align_corners=False)
ALIGNED = dict(mode='bilinear', align_corners=True)


def unchanged(state: State) -> State:
    """Most families differ from ours in names alone."""
    return state


@dataclass(frozen=True)
class Family:
    """Files of one code base for one task.

    Attributes:
        name: What messages call it.
        library: The code base; of OpenMMLab, see ``hrnet_mm.libraries``.
        task: pose, segmentation, detection, classification, or backbone.
        rows: Their names of tensors, and ours.
        writes: What the family's own tools expect before every name.
        to_ours: Changes values, under our names.
        to_theirs: The reverse.
        upsample_cfg: Of the trunks that its files were trained with. None if that
            differs from file to file.
        aligned_classes: Numbers of classes whose files were trained with
            ``align_corners=True`` instead.
    """

    name: str
    library: str
    task: str
    rows: tuple[Row, ...]
    writes: str = ''
    to_ours: Callable[[State], State] = unchanged
    to_theirs: Callable[[State], State] = unchanged
    upsample_cfg: Mapping[str, Any] | None = field(default_factory=NEAREST.copy)
    aligned_classes: tuple[int, ...] = ()

    def our_name(self, theirs: str) -> str | None:
        """What a tensor of the family is called here; None if it has no place.

        Raises:
            KeyError: if the family has no such tensor.
        """
        return translate(theirs, self.rows)

    def their_name(self, ours: str) -> str | None:
        """What a tensor of ours is called in the family.

        Raises:
            KeyError: if the family has no such tensor.
        """
        return translate(ours, self.backwards)

    def holds(self, ours: Iterable[str]) -> bool:
        """Whether the family has a name for each of ours."""
        return all(covers(self.backwards, name) for name in ours)

    @property
    def backwards(self) -> tuple[Row, ...]:
        """The rows, ours first."""
        return tuple((ours, theirs) for theirs, ours in self.rows if ours is not None)

    def unknown(self, keys: Iterable[str]) -> list[str]:
        """The keys that no row of the table describes."""
        return [key for key in keys if not covers(self.rows, key)]


def translate(key: str, rows: tuple[Row, ...]) -> str | None:
    """The other name of a key, by the first row that describes it."""
    for pattern, template in compiled(rows):
        if found := pattern.fullmatch(key):
            return None if template is None else template.format(**found.groupdict())
    raise KeyError(key)


def covers(rows: tuple[Row, ...], key: str) -> bool:
    """Whether a row describes a key."""
    return any(pattern.fullmatch(key) for pattern, _ in compiled(rows))


@cache
def compiled(rows: tuple[Row, ...]) -> list[tuple[re.Pattern[str], str | None]]:
    """The first names of the rows as regular expressions."""
    return [(re.compile(expression(theirs)), ours) for theirs, ours in rows]


def expression(row: str) -> str:
    """``final_layer.{tensor}`` as a regular expression with a named group."""
    return re.sub(
        r'\\{(\w+)\\}', lambda m: f'(?P<{m[1]}>{PARTS[m[1]]})', re.escape(row)
    )


TRUNK: Row = ('{trunk}', 'backbone.{trunk}')


def same(*names: str) -> tuple[Row, ...]:
    """Rows of what a family calls as we do."""
    return tuple((name, name) for name in names)


def renamed(rows: Mapping[str, str]) -> tuple[Row, ...]:
    """Rows of layers: each name goes before ``.weight``, ``.bias`` ..."""
    return tuple(
        (f'{theirs}.{{tensor}}', f'{ours}.{{tensor}}') for theirs, ours in rows.items()
    )


def unused(*names: str) -> tuple[Row, ...]:
    """Rows of what has no place here."""
    return tuple((f'{name}.{{rest}}', None) for name in names)


# HRNet-Wx-C, lib/models/cls_hrnet.py of HRNet-Image-Classification; timm's names are
# the same. The four convolutions before norms have a bias, but not in the `ssld` files.
CLASSIFIER = (
    TRUNK,
    ('incre_modules.{i}.0.{rest}', 'neck.0.increase_layers.{i}.0.{rest}'),
    *renamed(
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
OCR = renamed(
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
# Ordered: the first family that describes every key of a file is the file's. What two
# families share (a trunk alone) belongs to the first.
FAMILIES = (
    Family(
        'trunk',
        'official',
        'backbone',
        (TRUNK, *same('backbone.{trunk}')),
        upsample_cfg=None,
    ),
    # lib/models/pose_hrnet.py of deep-high-resolution-net.pytorch
    Family(
        'official pose',
        'official',
        'pose',
        (TRUNK, *renamed({'final_layer': 'head.final_layer'})),
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
            *renamed(
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
            *renamed(
                {
                    'last_layer.0': 'decode_head.convs.0.conv',
                    'last_layer.1': 'decode_head.convs.0.bn',
                    'last_layer.3': 'decode_head.conv_seg',
                }
            ),
        ),
        writes='model.',
        to_ours=tensor_conversion.without_negative_scales,
        upsample_cfg=BILINEAR,
        aligned_classes=(150, 171),  # ADE20K and COCO-Stuff
    ),
    Family(
        'official OCR',
        'official',
        'segmentation',
        (TRUNK, *OCR),
        writes='model.',
        to_ours=tensor_conversion.without_negative_scales,
        upsample_cfg=ALIGNED,
    ),
    Family('official ImageNet', 'official', 'classification', CLASSIFIER),
    # hrnet_w32-36af842e.pth and hrnet_w48-8ef0771d.pth: an earlier classifier, of which
    # only the trunk was ever used (open-mmlab/mmpose#1450)
    Family(
        'official ImageNet for pose',
        'official',
        'backbone',
        (TRUNK, *unused('head', 'incre_modules', 'downsamp_modules', 'final_layer')),
    ),
    # lib/models/hrnet_dekr.py of DEKR; mmpose has a head of its own for it
    Family(
        'official DEKR',
        'official',
        'pose',
        (
            TRUNK,
            *unused(
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
            *same('backbone.{trunk}'),
            *renamed(
                {
                    'neck.reduction_conv.0': 'neck.reduction_conv.conv',
                    'neck.fpn_conv.{i}': 'neck.fpn_convs.{i}.conv',
                }
            ),
            *same('rpn_head.{rest}'),
            ('bbox_head.{rest}', 'roi_head.bbox_head.{rest}'),
            ('mask_head.{rest}', 'roi_head.mask_head.{rest}'),
            ('semantic_head.{rest}', 'roi_head.semantic_head.{rest}'),
        ),
        to_ours=tensor_conversion.background_last,
        to_theirs=tensor_conversion.background_first,
    ),
    # ae_higher_resolution_head.py and topdown_heatmap_simple_head.py, branch 0.x
    Family(
        'mmpose 0.x',
        'mmpose-0.x',
        'pose',
        (
            *same('backbone.{trunk}'),
            ('keypoint_head.final_layers.{rest}', 'head.final_layers.{rest}'),
            ('keypoint_head.deconv_layers.{rest}', 'head.deconv_layers.{rest}'),
            *renamed({'keypoint_head.final_layer': 'head.final_layer'}),
        ),
    ),
    Family(
        'mmpose 0.x landmarks',
        'mmpose-0.x',
        'pose',
        (
            *same('backbone.{trunk}'),
            *renamed(
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
        same('backbone.{trunk}', 'neck.0.{rest}', 'head.fc.{tensor}'),
    ),
    Family('mmpose', 'mmpose', 'pose', same('backbone.{trunk}', 'head.{rest}')),
    Family(
        'mmseg',
        'mmseg',
        'segmentation',
        same('backbone.{trunk}', 'decode_head.{rest}', 'auxiliary_head.{rest}'),
        upsample_cfg=BILINEAR,
    ),
    Family(
        'mmdet',
        'mmdet',
        'detection',
        same(
            'backbone.{trunk}',
            'neck.reduction_conv.{rest}',
            'neck.fpn_convs.{rest}',
            'rpn_head.{rest}',
            'roi_head.{rest}',
            'bbox_head.{rest}',
            'mask_head.{rest}',
            'semantic_head.{rest}',
            'panoptic_head.{rest}',
        ),
    ),
)
BY_NAME = {family.name: family for family in FAMILIES}
