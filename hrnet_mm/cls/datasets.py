"""MMPretrain's data sets, which say what is wrong before the first step."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from mmpretrain.datasets import CustomDataset, ImageNet

from hrnet_mm.datasets.checked import CheckedData
from hrnet_mm.messages import shortened
from hrnet_mm.registry import DATASETS
from hrnet_mm.tiny_people import POSES


class CheckedImages(CheckedData):
    """What the data sets of one image, one class have in common.

    A class is a folder, and its label the place of the folder in the alphabet: where a
    split lacks one, all that follow would have another label than in training.

    Raises:
        ValueError: also if the folders are not the classes.
    """

    contents = 'image'
    by_pixel = False
    metainfo: dict[str, Any]
    img_prefix: str

    def _find_samples(self) -> list[tuple[str, int]]:
        classes = self.metainfo.get('classes')
        folders = {
            path.name for path in Path(self.img_prefix).iterdir() if path.is_dir()
        }
        if classes is None:
            raise ValueError(
                f'{type(self).__name__} needs the names of its classes, so that every '
                f'split has the same labels: metainfo=dict(classes={sorted(folders)})'
            )
        self.check_folders(folders)
        return super()._find_samples()  # type: ignore[misc]

    def check_folders(self, folders: set[str]) -> None:
        """Each class is a folder, each folder a class, in the order of labels."""
        classes = [*self.metainfo['classes']]
        missing = sorted(set(classes) - folders)
        unknown = sorted(folders - set(classes))
        if missing or unknown:
            parts = []
            if missing:
                parts.append(f'no folder of {shortened(missing)}')
            if unknown:
                parts.append(f'a folder {shortened(unknown)}, which is no class')
            raise ValueError(
                f'{self.img_prefix} has {" and ".join(parts)}: the labels would be '
                'those of other classes. Make the folder, even if it stays empty, or '
                'take it out of metainfo.classes'
            )
        if classes != sorted(classes):
            raise ValueError(
                'metainfo.classes must be sorted, as the labels are: '
                f'{shortened(sorted(classes))}'
            )


@DATASETS.register_module()
class ImageNetCls(CheckedData, ImageNet):
    """ImageNet-1k, checked."""

    contents = 'image'
    by_pixel = False
    environment = 'IMAGENET'
    source = (
        'ImageNet-1k (ILSVRC 2012) is at https://image-net.org; '
        'configs/_base_/datasets/imagenet.py shows the layout.'
    )


@DATASETS.register_module()
class ImageFolder(CheckedImages, CustomDataset):
    """A folder of images for each class of ``metainfo``, checked."""

    source = 'docs/own_data.md shows how to describe your own data.'


@DATASETS.register_module()
class TinyCls(CheckedImages, CustomDataset):
    """TinyPeople's crops, which show a figure in one of six poses, checked."""

    METAINFO: ClassVar[dict[str, Any]] = dict(classes=tuple(sorted(POSES)))
    environment = 'TINY_PEOPLE'
    source = '`hrnet-mm tiny-people FOLDER` draws it.'
