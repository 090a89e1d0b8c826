"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from jobs import mim_command
from mmengine.logging import MMLogger
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / 'shared' / 'data'
DATA_ROOTS = (
    'ADE20K', 'AFLW', 'AIC', 'ANIMALPOSE', 'ANIMAL_KINGDOM', 'AP10K', 'ATRW',
    'CITYSCAPES', 'COCO', 'COCO_STUFF', 'COFW', 'CROWDPOSE', 'DEEPFASHION', 'EXLPOSE',
    'FACES_300W', 'FACES_300WLP', 'HALPE', 'HORSE10', 'HUMANART', 'KITTI_DEPTH',
    'LIP', 'MACAQUE', 'MHP', 'MPII', 'NYU_DEPTH', 'OCHUMAN', 'ONEHAND10K',
    'PANOPTIC_HANDS', 'PASCAL_CONTEXT', 'POSETRACK18', 'RHD', 'TINY_CROWD',
    'TINY_PEOPLE', 'UBODY', 'VISDRONE', 'WFLW', 'WIDER_FACE',
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with what takes longest: training on TinyPeople whole.

    At the end, no worker then waits for minutes for the last test of another.
    """
    items.sort(key=lambda item: 'tiny_people' not in getattr(item, 'fixturenames', ()))


@pytest.fixture
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(autouse=True)
def _same_surroundings(monkeypatch) -> None:
    torch.manual_seed(0)
    for name in DATA_ROOTS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def said(caplog) -> Iterator[pytest.LogCaptureFixture]:
    """What mmengine's logger says."""
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


@pytest.fixture(scope='session')
def real_coco() -> Path:
    """Four COCO images with their annotations."""
    folder = SHARED_DATA / 'coco'
    if not folder.is_dir():
        pytest.skip('no real images: ../shared/data/coco is absent')
    return folder


@pytest.fixture(scope='session')
def real_cityscapes() -> Path:
    """One Cityscapes image, small, with its labels."""
    folder = SHARED_DATA / 'cityscapes'
    if not folder.is_dir():
        pytest.skip('no real images: ../shared/data/cityscapes is absent')
    return folder


@pytest.fixture
def coco_panoptic(real_coco, tmp_path) -> Path:
    """The real images of COCO with their people, on grass."""
    from real_panoptic import write_coco

    return write_coco(real_coco, tmp_path / 'coco')


@pytest.fixture
def cityscapes_panoptic(real_cityscapes, tmp_path) -> Path:
    """The real image of Cityscapes with the files that csCreatePanopticImgs writes."""
    from real_panoptic import write_cityscapes

    return write_cityscapes(real_cityscapes, tmp_path / 'cityscapes')


@pytest.fixture(scope='session')
def real_faces() -> Path:
    """Two images each of WFLW, 300W and COFW with their landmarks."""
    if not (SHARED_DATA / 'wflw').is_dir():
        pytest.skip('no real images: ../shared/data/wflw is absent')
    return SHARED_DATA


@pytest.fixture(scope='session')
def real_animals() -> Path:
    """A few images each of data sets of animals and hands, with their keypoints."""
    for name in ('ap10k', 'rhd'):
        if not (SHARED_DATA / name).is_dir():
            pytest.skip(f'no real images: ../shared/data/{name} is absent')
    return SHARED_DATA


@pytest.fixture(scope='session')
def real_data() -> Path:
    """A few images of each of many data sets of keypoints."""
    if not (SHARED_DATA / 'aic').is_dir():
        pytest.skip('no real images: ../shared/data/aic is absent')
    return SHARED_DATA


@pytest.fixture(scope='session')
def shared_ops() -> Path:
    """What the operators of a compiled mmcv answered."""
    folder = SHARED_DATA / 'ops'
    if not folder.is_dir():
        pytest.skip('no recorded operators: ../shared/data/ops is absent')
    return folder


@pytest.fixture(scope='session')
def few_people(tmp_path_factory) -> Path:
    """TinyPeople of a few images."""
    from hrnet_mm.tiny_people import TinyPeople

    root = tmp_path_factory.mktemp('few') / 'tiny_people'
    return TinyPeople(splits={'train': 20, 'val': 4, 'test': 4}).write(root)


@pytest.fixture(scope='session')
def shared_folder(tmp_path_factory, worker_id) -> Path:
    """A folder that all workers of pytest-xdist share."""
    folder = tmp_path_factory.getbasetemp()
    return folder if worker_id == 'master' else folder.parent


@pytest.fixture(scope='session')
def tiny_people(shared_folder) -> Path:
    """TinyPeople whole, drawn once for all workers."""
    from hrnet_mm.tiny_people import TinyPeople

    with FileLock(shared_folder / 'tiny_people.lock'):
        root = shared_folder / 'tiny_people'
        return root if root.is_dir() else TinyPeople().write(root)


@pytest.fixture
def write_config(tmp_path):
    """Write a config: a leaf of ours and a few lines."""

    def write(leaf: str, lines: str) -> Path:
        path = tmp_path / 'config.py'
        path.write_text(f"_base_ = ['{ROOT / 'configs' / leaf}']\n{lines}")
        return path

    return write


@pytest.fixture
def randomised():
    """Give a model weights and batch-norm statistics that no layer leaves alone."""

    def randomise(model: nn.Module, seed: int = 0) -> nn.Module:
        generator = torch.Generator().manual_seed(seed)

        def uniform(tensor, low, high):
            tensor.data.copy_(
                torch.rand(tensor.shape, generator=generator) * (high - low) + low
            )

        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                bound = (3 / module.weight[0].numel()) ** 0.5
                uniform(module.weight, -bound, bound)
            elif isinstance(module, _BatchNorm):
                uniform(module.weight, 0.5, 1.5)
                uniform(module.bias, -0.2, 0.2)
                uniform(module.running_mean, -0.2, 0.2)
                uniform(module.running_var, 0.5, 1.5)
        return model

    return randomise


@pytest.fixture(scope='session')
def extra_of():
    """Write an architecture as the nested dict of existing configs."""
    from hrnet_mm.models import ARCHS
    from hrnet_mm.models.arch import as_extra

    def write(arch: str, **changes: dict) -> dict:
        extra = as_extra(ARCHS[arch])
        for stage, change in changes.items():
            extra[stage].update(change)
        return extra

    return write


@pytest.fixture
def run_python():
    """Run Python code or a module in a fresh process; return its completed process."""

    def run(*args: str, cwd: Path = ROOT, **environment: str):
        env = {**os.environ, 'PYTHONPATH': str(ROOT), 'CUDA_VISIBLE_DEVICES': ''}
        return subprocess.run(
            [sys.executable, *args],
            cwd=cwd,
            env={**env, **environment},
            capture_output=True,
            text=True,
            timeout=1500,  # a hang; the slowest job takes a third of it
        )

    return run


@pytest.fixture
def mim(run_python):
    """Run ``mim ARGS`` as a person would, and return its completed process."""

    def run(*args: object, **kwargs: str):
        _, *command = mim_command(*map(str, args))
        return run_python(*command, **kwargs)

    return run


class Quiet(SimpleHTTPRequestHandler):
    """Remembers what it was asked for, and prints nothing."""

    def log_message(self, *args) -> None:
        self.server.asked.append(self.path)


@pytest.fixture
def web_server(tmp_path, monkeypatch):
    """An address of this machine, the folder it serves, and what was asked of it."""
    folder = tmp_path / 'public'
    folder.mkdir()
    handler = partial(Quiet, directory=str(folder))
    server = ThreadingHTTPServer(('127.0.0.1', 0), handler)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    yield f'http://127.0.0.1:{server.server_port}', folder, server.asked
    server.shutdown()
