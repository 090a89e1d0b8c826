"""Data sets of MMSegmentation that check their files and labels before training."""

from __future__ import annotations

from collections.abc import Sequence
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

from hrnet_mm.datasets.checked import CheckedData
from hrnet_mm.datasets.metainfo import complete_palette
from hrnet_mm.messages import shortened
from hrnet_mm.registry import DATASETS
from hrnet_mm.tiny_people import CLASSES
from hrnet_mm.tiny_people.contact_sheet import PALETTE

from .transforms import NO_CLASS, read_labels

WHITE = 255  # in a binary mask; also mmseg's default ignore_index
LAYOUT = 'configs/_base_/datasets/{} shows the layout.'


class CheckedScenes(CheckedData):
    """Mixin for data sets of label maps."""

    metainfo: dict[str, Any]
    _metainfo: dict[str, Any]
    label_map: dict[int, int] | None
    img_suffix: str
    ignore_index: int
    label_values: Sequence[int] | None = None

    @property
    def contents(self) -> str:  # type: ignore[override]
        """Samples, as errors call them; images are found by their suffix."""
        return (
            f'image that ends in {self.img_suffix} (set img_suffix of '
            f'{type(self).__name__} if yours end otherwise)'
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """Load the samples, with ``num_classes`` and ``ignore_index`` for CheckLabels.

        Raises:
            ValueError: If the metainfo has no classes, or the label maps contain only 0
                and 255.
        """
        if 'classes' not in self.metainfo:
            raise ValueError(
                f'{type(self).__name__} needs the names of its classes: '
                "metainfo=dict(classes=('road', ...), palette=[(128, 64, 128), ...])"
            )
        facts = dict(
            num_classes=len(self.metainfo['classes']), ignore_index=self.ignore_index
        )
        samples = [dict(s, **facts) for s in super().load_data_list()]
        if self.label_values is None and self.ignore_index == WHITE:
            _check_masks(type(self).__name__, [s.get('seg_map_path') for s in samples])
        return samples

    def _update_palette(self) -> list[list[int]]:
        """Return a colour for each class; mmseg fails if one is missing."""
        palette = self._metainfo.get('palette') or []
        number = len(self._metainfo.get('classes') or [])
        if self.label_map is None or len(palette) < number:
            return complete_palette(palette, number)
        return super()._update_palette()  # type: ignore[misc]


def _check_masks(name: str, paths: Sequence[str | None]) -> None:
    # Reads at most a hundred label maps, evenly spaced, up to the first other label.
    found: set[int] = set()
    for path in paths[:: -(-len(paths) // 100)]:
        found |= read_labels(path)
        if not found <= {0, WHITE}:
            return
    if found == {0, WHITE}:
        raise ValueError(
            f'{name}: the label maps, such as {paths[0]}, hold 0 and 255 only, but 255 '
            'is ignore_index, so only one class is left. If 255 '
            "is the second class, set type='hrnet_mm.LabelMaps' and "
            'label_values=(0, 255) of each data set, or write the files with 1 '
            'instead of 255'
        )


@DATASETS.register_module()
class CityscapesSeg(CheckedScenes, CityscapesDataset):
    """Cityscapes, 19 classes, with checks of the files."""

    environment = 'CITYSCAPES'
    source = (
        'Cityscapes is at https://www.cityscapes-dataset.com; '
        + LAYOUT.format('cityscapes.py')
        + ' Its labelTrainIds are made by cityscapesscripts '
        '(`csCreateTrainIdLabelImgs`).'
    )


@DATASETS.register_module()
class LipSeg(CheckedScenes, LIPDataset):
    """Look Into Person, 20 classes, with checks of the files."""

    environment = 'LIP'
    source = 'LIP (single person) is at http://sysu-hcp.net/lip; ' + LAYOUT.format(
        'lip.py'
    )


@DATASETS.register_module()
class PascalContextSeg(CheckedScenes, PascalContextDataset):
    """PASCAL-Context, 59 classes and background, with checks of the files."""

    environment = 'PASCAL_CONTEXT'
    source = (
        'Its images are PASCAL VOC 2010, its labels are made by '
        'https://github.com/zhanghang1989/detail-api; '
        + LAYOUT.format('pascal_context.py')
    )


@DATASETS.register_module()
class PascalContext59Seg(CheckedScenes, PascalContextDataset59):
    """PASCAL-Context, 59 classes, with checks of the files."""

    environment = PascalContextSeg.environment
    source = PascalContextSeg.source


@DATASETS.register_module()
class Ade20kSeg(CheckedScenes, ADE20KDataset):
    """ADE20K, 150 classes, with checks of the files."""

    environment = 'ADE20K'
    source = (
        'ADEChallengeData2016 is at http://sceneparsing.csail.mit.edu; '
        + LAYOUT.format('ade20k.py')
    )


@DATASETS.register_module()
class CocoStuffSeg(CheckedScenes, COCOStuffDataset):
    """COCO-Stuff, 171 classes, with checks of the files."""

    environment = 'COCO_STUFF'
    source = (
        'COCO-Stuff 10K is at https://github.com/nightrome/cocostuff10k; '
        + LAYOUT.format('coco_stuff10k.py')
    )


@DATASETS.register_module()
class LabelMaps(CheckedScenes, BaseSegDataset):
    """Custom images and label maps with the classes of ``metainfo``.

    Args:
        label_values: Pixel value of each class in the files, in the order of the
            classes, such as ``(0, 255)`` for black and white masks. The default is 0,
            1, 2 and so on.
        kwargs: Arguments of ``BaseSegDataset``.

    Raises:
        ValueError: If ``label_values`` does not have a unique number from 0 to 255 for
            each class, or is combined with ``reduce_zero_label``.
    """

    source = 'docs/own_data.md shows how to describe your own data.'

    def __init__(
        self, *, label_values: Sequence[int] | None = None, **kwargs: Any
    ) -> None:
        self.label_values = label_values
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        """Load the samples, with the ``label_map`` that ``LoadAnnotations`` applies."""
        samples = super().load_data_list()
        if self.label_values is None:
            return samples
        values, classes = [*self.label_values], self.metainfo['classes']
        if len(values) != len(classes) or not set(values) <= set(range(256)):
            raise ValueError(
                f'label_values={values} of LabelMaps must be one number from 0 to 255 '
                f'for each of the {len(classes)} classes ({shortened(classes)})'
            )
        if len(set(values)) < len(values) or self.reduce_zero_label:
            raise ValueError(
                f'label_values={values} of LabelMaps must be unique and without '
                'reduce_zero_label=True: list the values of the classes only'
            )
        # an unlisted value must not be read as the class of that index
        label_map = dict.fromkeys(set(range(len(values))) - set(values), NO_CLASS)
        label_map |= {value: label for label, value in enumerate(values)}
        return [dict(s, label_map=label_map, label_values=values) for s in samples]


@DATASETS.register_module()
class TinySeg(CheckedScenes, BaseSegDataset):
    """Body parts of TinyPeople, 5 classes, with checks of the files."""

    METAINFO: ClassVar[dict[str, Any]] = dict(classes=CLASSES, palette=PALETTE)
    environment = 'TINY_PEOPLE'
    source = '`hrnet-mm tiny-people FOLDER` draws it.'
