"""mmsegmentation's data sets, which say what is wrong before the first step."""

from __future__ import annotations

from typing import Any, ClassVar

from mmseg.datasets import (
    ADE20KDataset,
    BaseSegDataset,
    CityscapesDataset,
    COCOStuffDataset,
    LIPDataset,
    PascalContextDataset,
    PascalContextDataset59,
)

from hrnet_mm.data import CLASSES
from hrnet_mm.data.checked import CheckedData
from hrnet_mm.data.pictures import PALETTE
from hrnet_mm.metainfo import complete_palette
from hrnet_mm.registry import DATASETS

LAYOUT = 'configs/_base_/datasets/{} shows the layout.'


class CheckedScenes(CheckedData):
    """What the data sets of label maps have in common."""

    metainfo: dict[str, Any]
    _metainfo: dict[str, Any]
    label_map: dict[int, int] | None
    img_suffix: str

    @property
    def contents(self) -> str:  # type: ignore[override]
        """Images are found by the end of their names."""
        return (
            f'image that ends in {self.img_suffix} (set img_suffix of '
            f'{type(self).__name__} if yours end otherwise)'
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """The samples; each knows the number of classes, for ``CheckLabels``."""
        if 'classes' not in self.metainfo:
            raise ValueError(
                f'{type(self).__name__} needs the names of its classes: '
                "metainfo=dict(classes=('road', ...), palette=[(128, 64, 128), ...])"
            )
        num_classes = len(self.metainfo['classes'])
        return [dict(s, num_classes=num_classes) for s in super().load_data_list()]

    def _update_palette(self) -> list[list[int]]:
        """Complete a palette that lacks colours; mmseg would refuse the data."""
        palette = self._metainfo.get('palette') or []
        number = len(self._metainfo.get('classes') or [])
        if self.label_map is None or len(palette) < number:
            return complete_palette(palette, number)
        return super()._update_palette()  # type: ignore[misc]


@DATASETS.register_module()
class CityscapesSeg(CheckedScenes, CityscapesDataset):
    """Cityscapes, 19 classes, checked."""

    environment = 'CITYSCAPES'
    source = (
        'Cityscapes is at https://www.cityscapes-dataset.com; '
        + LAYOUT.format('cityscapes.py')
        + ' Its labelTrainIds are made by cityscapesscripts '
        '(`csCreateTrainIdLabelImgs`).'
    )


@DATASETS.register_module()
class LipSeg(CheckedScenes, LIPDataset):
    """Look Into Person, 20 classes, checked."""

    environment = 'LIP'
    source = 'LIP (single person) is at http://sysu-hcp.net/lip; ' + LAYOUT.format(
        'lip.py'
    )


@DATASETS.register_module()
class PascalContextSeg(CheckedScenes, PascalContextDataset):
    """PASCAL-Context, 59 classes and background, checked."""

    environment = 'PASCAL_CONTEXT'
    source = (
        'Its images are PASCAL VOC 2010, its labels are made by '
        'https://github.com/zhanghang1989/detail-api; '
        + LAYOUT.format('pascal_context.py')
    )


@DATASETS.register_module()
class PascalContext59Seg(CheckedScenes, PascalContextDataset59):
    """PASCAL-Context, 59 classes, checked."""

    environment = PascalContextSeg.environment
    source = PascalContextSeg.source


@DATASETS.register_module()
class Ade20kSeg(CheckedScenes, ADE20KDataset):
    """ADE20K, 150 classes, checked."""

    environment = 'ADE20K'
    source = (
        'ADEChallengeData2016 is at http://sceneparsing.csail.mit.edu; '
        + LAYOUT.format('ade20k.py')
    )


@DATASETS.register_module()
class CocoStuffSeg(CheckedScenes, COCOStuffDataset):
    """COCO-Stuff, 171 classes, checked."""

    environment = 'COCO_STUFF'
    source = (
        'COCO-Stuff 10K is at https://github.com/nightrome/cocostuff10k; '
        + LAYOUT.format('coco_stuff10k.py')
    )


@DATASETS.register_module()
class LabelMaps(CheckedScenes, BaseSegDataset):
    """Images and label maps of your own, with the classes of ``metainfo``, checked."""

    source = 'docs/recipes.md shows how to describe your own data.'


@DATASETS.register_module()
class TinySeg(CheckedScenes, BaseSegDataset):
    """TinyPeople's body parts, 5 classes, checked."""

    METAINFO: ClassVar[dict[str, Any]] = dict(classes=CLASSES, palette=PALETTE)
    environment = 'TINY_PEOPLE'
    source = '`hrnet-mm tiny-people FOLDER` draws it.'
