"""Data sets read what mmengine's file backends read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest
from mmengine.fileio import BaseStorageBackend, register_backend
from mmengine.registry import init_default_scope

PREFIX = 'far'


class Far(BaseStorageBackend):
    """A store whose addresses are ``far://PATH``."""

    def get(self, filepath: str) -> bytes:
        return Path(filepath.removeprefix(f'{PREFIX}:/')).read_bytes()

    def get_text(self, filepath: str, encoding: str = 'utf-8') -> str:
        return self.get(filepath).decode(encoding)

    def exists(self, filepath: str) -> bool:
        return Path(filepath.removeprefix(f'{PREFIX}:/')).exists()

    @contextmanager
    def get_local_path(self, filepath: str) -> Iterator[str]:
        yield filepath.removeprefix(f'{PREFIX}:/')

    def join_path(self, filepath: str, *filepaths: str) -> str:
        return '/'.join([filepath.rstrip('/'), *filepaths])


register_backend(PREFIX, Far, prefixes=PREFIX, force=True)


@pytest.mark.parametrize(
    ('library', 'task', 'name', 'load', 'pack'),
    [
        ('mmdet', 'det', 'TinyDet', 'LoadImageFromFile', 'PackDetInputs'),
        ('mmpose', 'pose', 'TinyPose', 'LoadImage', 'PackPoseInputs'),
    ],
)
def test_annotation_files(library, task, name, load, pack, few_people):
    pytest.importorskip(library)
    import_module(f'hrnet_mm.{task}')
    init_default_scope(library)
    root = f'{PREFIX}:/{few_people}'
    data = import_module(f'{library}.registry').DATASETS.build(
        dict(
            type=f'hrnet_mm.{name}',
            ann_file=f'{root}/annotations/train.json',
            data_prefix=dict(img=f'{root}/images/train/'),
            pipeline=[dict(type=load), dict(type=pack)],
        )
    )
    assert len(data) >= 20
    assert data[0]['inputs'].shape == (3, 160, 192)


def test_segmentation(few_people, tmp_path):
    """mmsegmentation reads lists from this machine alone."""
    pytest.importorskip('mmseg')
    from mmseg.registry import DATASETS

    import hrnet_mm.seg  # noqa: F401

    init_default_scope('mmseg')
    names = sorted(path.stem for path in (few_people / 'images/train').iterdir())
    (tmp_path / 'train.txt').write_text('\n'.join(names))
    root = f'{PREFIX}:/{few_people}'
    scenes = DATASETS.build(
        dict(
            type='hrnet_mm.TinySeg',
            ann_file=str(tmp_path / 'train.txt'),
            img_suffix='.jpg',
            seg_map_suffix='.png',
            data_prefix=dict(
                img_path=f'{root}/images/train', seg_map_path=f'{root}/labels/train'
            ),
            pipeline=[
                dict(type='LoadImageFromFile'),
                dict(type='LoadAnnotations'),
                dict(type='PackSegInputs'),
            ],
        )
    )
    assert len(scenes) == 20
    assert scenes[0]['inputs'].shape == (3, 160, 192)
