"""Data sets of MMPretrain that check their folders and images before training."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from mmpretrain.datasets import CustomDataset, ImageNet

from hrnet_mm.datasets.checked import CheckedData
from hrnet_mm.messages import shortened
from hrnet_mm.registry import DATASETS
from hrnet_mm.tiny_people import POSES


class CheckedImages(CheckedData):
    """Mixin for data sets with a folder of images for each class.

    MMPretrain numbers the folders alphabetically, so a missing folder would shift the
    labels of all folders after it.

    Raises:
        ValueError: If the folders do not match the classes of the metainfo.
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
                f'{type(self).__name__} needs the names of its classes, so that all '
                f'splits have the same labels: metainfo=dict(classes={sorted(folders)})'
            )
        self._check_folders(folders)
        return super()._find_samples()  # type: ignore[misc]

    def _check_folders(self, folders: set[str]) -> None:
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
                f'{self.img_prefix} has {" and ".join(parts)}, so the labels would not '
                'match the classes. Create or remove the folder (it may be empty), or '
                'correct metainfo.classes'
            )
        if classes != sorted(classes):
            raise ValueError(
                'metainfo.classes must be sorted, like the folders: '
                f'{shortened(sorted(classes))}'
            )


@DATASETS.register_module()
class ImageNetCls(CheckedData, ImageNet):
    """ImageNet-1k, with checks of the files."""

    contents = 'image'
    by_pixel = False
    environment = 'IMAGENET'
    source = (
        'ImageNet-1k (ILSVRC 2012) is at https://image-net.org; '
        'configs/_base_/datasets/imagenet.py shows the layout.'
    )


@DATASETS.register_module()
class ImageFolder(CheckedImages, CustomDataset):
    """Custom images in a folder for each class of ``metainfo``, with checks."""

    source = 'docs/own_data.md shows how to describe your own data.'


@DATASETS.register_module()
class TinyCls(CheckedImages, CustomDataset):
    """Crops of TinyPeople, classified by pose (six classes), with checks."""

    METAINFO: ClassVar[dict[str, Any]] = dict(classes=tuple(sorted(POSES)))
    environment = 'TINY_PEOPLE'
    source = '`hrnet-mm tiny-people FOLDER` draws it.'
