"""What is tried where importing is no proof. Runs in a child process.

Each function returns what it saw, or raises what went wrong.
"""

from __future__ import annotations

import importlib
import operator
import os
import platform
import re
import shutil
import subprocess
import sys
from importlib import metadata
from types import ModuleType

from .fixes import (
    OUR_OPERATORS,
    OUR_SCORES,
    RETORCH,
    RETORCH_BY_UV,
    Finding,
    Level,
    distributions,
    last_line,
    numbers,
    pair_with_torch,
    version_of,
)
from .libraries import LIBRARIES

COMPARE = {
    '==': operator.eq,
    '!=': operator.ne,
    '<=': operator.le,
    '>=': operator.ge,
    '<': operator.lt,
    '>': operator.gt,
}


def python() -> Finding:
    """The interpreter."""
    version = platform.python_version()
    minor = tuple(int(n) for n in version.split('.')[:2])
    if (3, 10) <= minor <= (3, 13):
        return Finding('Python', 'ok', version)
    level: Level = 'broken' if minor < (3, 10) else 'warning'
    why = 'hrnet_mm is tested on 3.10 to 3.13'
    return Finding('Python', level, version, why, 'python3.12 -m venv .venv')


def mim() -> Finding | str:
    """Original mim knows no fork, and offers to install the original over it."""
    version = version_of('openmim')
    dists = [dist for scope in LIBRARIES for dist in distributions(scope)]
    forks = ', '.join(dist for dist in dists if dist.startswith('onedl-'))
    if not version or not forks:
        return ''
    why = f'it does not find {forks}; onedl-mim does: there, mmdet is mmdetection'
    fix = 'pip uninstall -y openmim && pip install --no-deps onedl-mim'
    return Finding('openmim', 'warning', version, why, fix)


def torch_numpy() -> str:
    """An array crosses from torch to numpy; fails where torch is built for numpy 1."""
    import torch

    torch.ones(1).numpy()
    return ''


def pair() -> Finding | str:
    """The torchvision that is installed declares the torch that it needs."""
    torch, vision = version_of('torch'), version_of('torchvision')
    if not torch or not vision:
        return ''
    for need in metadata.requires('torchvision') or ():
        clauses = re.match(r'torch[ (]*([<>=!][^;)]*)', need)
        if clauses and not fits(torch, clauses[1]):
            why = f'made for torch{clauses[1].strip()}; this is torch {torch}'
            return Finding('torchvision', 'warning', vision, why, pair_with_torch())
    return ''


def fits(version: str, clauses: str) -> bool:
    """Whether a version is one of those that `>=2.14,<3` allows."""
    found = re.findall(r'([<>=!]=|[<>])\s*([\d.]*\d)', clauses)
    return all(COMPARE[sign](numbers(version), numbers(it)) for sign, it in found)


def gpu() -> Finding:
    """A kernel runs on the GPU, or the reason why not."""
    import torch

    if torch.cuda.is_available():
        torch.ones(1, device='cuda').add_(1).item()
        return Finding('GPU', 'ok', f'{torch.cuda.get_device_name()}, {build(torch)}')
    driver = nvidia_smi()
    if not driver:
        return Finding('GPU', 'note', 'none', 'training runs on the CPU')
    if os.environ.get('CUDA_VISIBLE_DEVICES', '0') in ('', '-1'):
        why = 'CUDA_VISIBLE_DEVICES hides it: training runs on the CPU'
        return Finding('GPU', 'note', 'hidden', why, 'unset CUDA_VISIBLE_DEVICES')
    cuda = re.search(r'CUDA[\w ]*Version: *(\d+)\.(\d+)', driver)
    # Wheels for CUDA 12.6 run on every driver for CUDA 12.
    backend = {'12': 'cu126', '13': 'cu130'}.get(cuda[1]) if cuda else None
    fix = f'{RETORCH_BY_UV} --torch-backend={backend}' if backend else RETORCH
    seen = f'driver for CUDA {cuda[1]}.{cuda[2]}' if cuda else 'present'
    why = f'torch is built for {build(torch)}: training runs on the CPU'
    return Finding('GPU', 'warning', seen, why, fix)


def build(torch: object) -> str:
    """What a torch was built for."""
    cuda = torch.version.cuda  # type: ignore[attr-defined]
    return f'CUDA {cuda}' if cuda else 'the CPU only'


def nvidia_smi() -> str:
    """What the driver says, '' where there is no driver or no GPU."""
    path = shutil.which('nvidia-smi')
    if not path:
        return ''
    answer = subprocess.run([path], capture_output=True, text=True, timeout=60)
    return answer.stdout if answer.returncode == 0 else ''


def operators() -> Finding:
    """Run operators of mmcv, also on a GPU if there is one; tell whose they are."""
    import torch
    from mmcv import _ext
    from mmcv.ops import get_compiling_cuda_version

    name, has_gpu = 'mmcv operators', torch.cuda.is_available()
    cuda = get_compiling_cuda_version()
    if is_ours(_ext):
        seen = f'hrnet_mm on torchvision {version_of("torchvision")}'
        why, fix = 'this torchvision does not fit torch or the GPU', pair_with_torch()
    else:
        cpu_only = cuda == 'not available'
        seen = 'compiled for CPU' if cpu_only else f'compiled for CPU, CUDA {cuda}'
        why, fix = 'hrnet_mm has operators for CPU and GPU', OUR_OPERATORS
        if has_gpu and cpu_only:
            return Finding(name, 'warning', seen, why, fix)
    for device in ['cpu', 'cuda'] if has_gpu else ['cpu']:
        if failed := failing_operator(device):
            return Finding(name, 'broken', f'{seen}; {failed}', why, fix)
    return Finding(name, 'ok', f'{seen}, run on the GPU' if has_gpu else seen)


def failing_operator(device: str) -> str:
    """The first of three operators that fails on a device, and how; '' if none."""
    import torch

    for run in (nms, roi_align, deform_conv):
        try:
            run(device)
            if device == 'cuda':
                torch.cuda.synchronize()
        except Exception as error:
            return f'{run.__name__} on {device}: {last_line(error)}'
    return ''


def nms(device: str) -> None:
    """Non-maximum suppression of one box."""
    import torch
    from mmcv.ops import nms

    nms(torch.ones(1, 4, device=device), torch.ones(1, device=device), 0.5)


def roi_align(device: str) -> None:
    """RoIAlign of one box, forward and backward."""
    import torch
    from mmcv.ops import RoIAlign

    features = torch.ones(1, 1, 8, 8, device=device, requires_grad=True)
    box = torch.tensor([[0.0, 1.0, 1.0, 5.0, 5.0]], device=device)
    RoIAlign(2)(features, box).sum().backward()


def deform_conv(device: str) -> None:
    """Deformable 3x3 convolution, with offsets of zero."""
    import torch
    from mmcv.ops import deform_conv2d

    image, weight = torch.ones(2, 1, 1, 3, 3, device=device)
    deform_conv2d(image, torch.zeros(1, 18, 1, 1, device=device), weight)


def is_ours(module: ModuleType) -> bool:
    """Whether hrnet_mm stands in for a module."""
    standins = sys.modules.get('hrnet_mm_standins')
    return standins is not None and str(module.__file__).startswith(standins.ROOT)


def keypoint_scores() -> Finding:
    """xtcocotools, or what hrnet_mm scores with in its place."""
    import xtcocotools

    name, broken = 'keypoint scores', ''
    if not is_ours(xtcocotools):
        try:
            importlib.import_module('xtcocotools._mask')
            return Finding(name, 'ok', f'xtcocotools {version_of("xtcocotools")}')
        except (ImportError, ValueError) as error:  # what hrnet_mm.compat mends
            broken = last_line(error)
    importlib.import_module('pycocotools.coco')
    importlib.import_module('faster_coco_eval')
    seen = f'hrnet_mm on faster-coco-eval {version_of("faster-coco-eval")}'
    if broken:
        why = f'in place of the installed xtcocotools: {broken}'
        return Finding(name, 'note', seen, why, OUR_SCORES)
    return Finding(name, 'ok', seen)


def training_step() -> str:
    """One step of HRNet, built as the runners build it."""
    import torch
    from mmengine.registry import MODELS

    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    trunk = dict(type='hrnet_mm.HRNet', arch='w18_small_v1', multiscale_output=False)
    model = MODELS.build(trunk).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loss = model(torch.randn(2, 3, 64, 64, device=device))[0].square().mean()
    loss.backward()
    optimizer.step()
    if not loss.isfinite():
        raise FloatingPointError(f'the loss is {loss.item()}')
    return f'loss {loss.item():.3g} on {device}'
