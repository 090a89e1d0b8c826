"""Data sets of images and depth maps that check their files before training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import cv2
import mmengine
import numpy as np
from mmcv.transforms import BaseTransform
from mmengine import fileio
from mmseg.datasets import BaseSegDataset

from hrnet_mm.datasets.checked import CheckedData
from hrnet_mm.messages import counted
from hrnet_mm.registry import DATASETS, TRANSFORMS

from .datasets import LAYOUT
from .depth import NO_DEPTH

FOLDERS = ('img_path', 'depth_map_path')
BTS = 'https://github.com/cleinc/bts, train_test_inputs'
NO_FILE = 'None'  # in the lists of BTS, of images without a depth map


class _Pairs(BaseSegDataset):
    # Pairs of an image and a depth map, from a list or from two folders.

    METAINFO: ClassVar[dict[str, Any]] = dict(classes=(), palette=[])
    depth_scale: float

    def load_data_list(self) -> list[dict[str, Any]]:
        pairs = self._read_list() if self.ann_file else self._find_files()
        facts = dict(depth_scale=self.depth_scale)
        return [dict(pair, seg_fields=[], **facts) for pair in pairs]

    def _read_list(self) -> Iterator[dict[str, str]]:
        lines = mmengine.list_from_file(self.ann_file, backend_args=self.backend_args)
        for number, line in enumerate(lines, start=1):
            names = line.split()
            if len(names) == 1:
                raise ValueError(
                    f'line {number} of {self.ann_file} is {line!r}, but must name an '
                    'image and its depth map, separated by a space. Lists of BTS '
                    f'({BTS}) have a third column, which is not read'
                )
            if names and names[1] != NO_FILE:
                yield self._to_pair(names[0], names[1])

    def _find_files(self) -> Iterator[dict[str, str]]:
        names = fileio.list_dir_or_file(
            self.data_prefix['img_path'],
            list_dir=False,
            suffix=self.img_suffix,
            recursive=True,
            backend_args=self.backend_args,
        )
        for name in sorted(names):
            depth = name.removesuffix(self.img_suffix) + self.seg_map_suffix
            yield self._to_pair(name, depth)

    def _to_pair(self, *names: str) -> dict[str, str]:
        # names in the lists of NYU begin with a slash
        return {
            key: fileio.join_path(self.data_prefix[key], name.lstrip('/'))
            for key, name in zip(FOLDERS, names, strict=True)
        }


class CheckedDepth(CheckedData):
    """Mixin for data sets of images and depth maps.

    Args:
        data_prefix: The folders of images, ``img_path``, and of depth maps,
            ``depth_map_path``; by default the data root.
        kwargs: Arguments of ``BaseSegDataset``. ``ann_file`` is a text file with the
            names of an image and its depth map in each line, such as those of BTS;
            without one, all images in the folder are used, and ``seg_map_suffix`` is
            the suffix of depth maps.

    Raises:
        FileNotFoundError: If a file of the list is missing.
        ValueError: If a line of the list does not name two files, or the pipeline has
            ``RandomDepthMix``.
    """

    contents = 'image with a depth map'
    depth_scale: float  # what a depth of one metre is in the files

    def __init__(
        self, *, data_prefix: Mapping[str, str] | None = None, **kwargs: Any
    ) -> None:
        folders = dict.fromkeys(FOLDERS, '') | dict(data_prefix or {})
        super().__init__(  # type: ignore[call-arg]
            data_prefix=folders, ignore_index=NO_DEPTH, **kwargs
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """Load the samples, with ``depth_scale`` for ``LoadDepth``."""
        steps = self.pipeline.transforms  # type: ignore[attr-defined]
        if any(type(step).__name__ == 'RandomDepthMix' for step in steps):
            raise ValueError(
                'RandomDepthMix of MMSegmentation writes millimetres into an image of '
                '8 bits, in which 5 m become 136: remove it from the pipeline'
            )
        samples = super().load_data_list()
        files = [sample[key] for sample in samples for key in FOLDERS]
        missing = [file for file in files if self._is_missing(file)]
        if missing:
            raise FileNotFoundError(
                f'{type(self).__name__}: {counted(len(missing), "file")} of '
                f'{len(files)} in {self.ann_file or self.data_root} '
                f'do not exist (first: {missing[0]}). {self.source}'
            )
        return samples


@DATASETS.register_module()
class DepthMaps(CheckedDepth, _Pairs):
    """Custom images and depth maps, PNG files of 16 bits, in which 0 means no depth.

    Args:
        depth_scale: What a depth of one metre is in the files: 1000 for millimetres.
        kwargs: Arguments of ``CheckedDepth``: ``data_root``, ``data_prefix``,
            ``ann_file`` ...

    Raises:
        ValueError: If ``depth_scale`` is not positive.
    """

    source = 'docs/own_data.md shows how to describe your own data.'

    def __init__(self, *, depth_scale: float = 1000, **kwargs: Any) -> None:
        if not depth_scale > 0:
            raise ValueError(
                f'depth_scale={depth_scale} of DepthMaps must be positive: set what a '
                'depth of one metre is in the files, 1000 for millimetres'
            )
        self.depth_scale = depth_scale
        super().__init__(**kwargs)


@DATASETS.register_module()
class NyuDepth(CheckedDepth, _Pairs):
    """NYU Depth v2, the split of Eigen et al., with the file lists of BTS."""

    depth_scale = 1000
    environment = 'NYU_DEPTH'
    source = (
        f'Images and depth maps of NYU Depth v2, and their lists, are described at '
        f'{BTS}; ' + LAYOUT.format('nyu_depth.py')
    )


@DATASETS.register_module()
class KittiDepth(CheckedDepth, _Pairs):
    """KITTI, the split of Eigen et al., with the file lists of BTS."""

    depth_scale = 256
    environment = 'KITTI_DEPTH'
    source = (
        'The raw data and the annotated depth maps of KITTI are at '
        f'https://www.cvlibs.net/datasets/kitti, their lists at {BTS}; '
        + LAYOUT.format('kitti_depth.py')
    )


@DATASETS.register_module()
class TinyDepth(CheckedDepth, _Pairs):
    """Depth of TinyPeople, with checks of the files."""

    depth_scale = 1000
    environment = 'TINY_PEOPLE'
    source = (
        '`hrnet-mm tiny-people FOLDER` draws it; remove a folder that an older version '
        'has drawn.'
    )


@TRANSFORMS.register_module()
class LoadDepth(BaseTransform):
    """Load a depth map of 16 bits, and check that it matches its image.

    Use it with the data sets of hrnet_mm. It adds ``gt_depth_map``, (H, W), float32, in
    metres.

    Args:
        backend_args: Arguments of mmengine's file backend.

    Raises:
        ValueError: If the file does not have one channel of 16 bits, or another size
            than the image file.
    """

    def __init__(self, backend_args: dict[str, Any] | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Return ``results`` with ``gt_depth_map``; unchanged for an inferencer."""
        path = results.get('depth_map_path')
        if path is None:
            return results
        content = np.frombuffer(fileio.get(path, self.backend_args), np.uint8)
        stored = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
        if stored is None:
            raise ValueError(f'{path} is not an image')  # `CheckedData` says why
        if stored.dtype != np.uint16 or stored.ndim != 2:
            channels = 1 if stored.ndim == 2 else stored.shape[2]
            raise ValueError(
                f'{path} has {channels} x {8 * stored.itemsize} bits per pixel, but a '
                'depth map needs one number of 16 bits. Save it as a grey PNG of 16 '
                f'bits: the depth in metres times {results["depth_scale"]}, and 0 for '
                'pixels without a depth'
            )
        if stored.shape != tuple(results['ori_shape'][:2]):
            raise ValueError(
                f'{path} has (height, width) {stored.shape}, but its image '
                f'{results["img_path"]} has {tuple(results["ori_shape"][:2])}: save it '
                'at the size of the image'
            )
        results['gt_depth_map'] = stored.astype(np.float32) / results['depth_scale']
        results['seg_fields'].append('gt_depth_map')
        return results
