"""Trials for checks that need more than an import; they run in a child process.

Each function returns a finding or a text for it, and raises an error on failure.
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
    installed_version,
    last_line,
    parse_version,
    torchvision_command,
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


def check_python() -> Finding:
    """Check the version of Python."""
    version = platform.python_version()
    minor = tuple(int(n) for n in version.split('.')[:2])
    if (3, 10) <= minor <= (3, 13):
        return Finding('Python', 'ok', version)
    level: Level = 'broken' if minor < (3, 10) else 'warning'
    why = 'hrnet_mm is tested on 3.10 to 3.13'
    return Finding('Python', level, version, why, 'python3.12 -m venv .venv')


def check_mim() -> Finding | str:
    """Check that openmim is not combined with forks, which it would overwrite."""
    version = installed_version('openmim')
    dists = [dist for scope in LIBRARIES for dist in distributions(scope)]
    forks = ', '.join(dist for dist in dists if dist.startswith('onedl-'))
    if not version or not forks:
        return ''
    why = f'it does not find {forks}; onedl-mim does: there, mmdet is mmdetection'
    fix = 'pip uninstall -y openmim && pip install --no-deps onedl-mim'
    return Finding('openmim', 'warning', version, why, fix)


def check_torch_numpy() -> str:
    """Convert a tensor to numpy; this fails if torch was built for numpy 1."""
    import torch

    torch.ones(1).numpy()
    return ''


def check_torchvision() -> Finding | str:
    """Check that the installed torch has the version that torchvision requires."""
    torch, vision = installed_version('torch'), installed_version('torchvision')
    if not torch or not vision:
        return ''
    for need in metadata.requires('torchvision') or ():
        clauses = re.match(r'torch[ (]*([<>=!][^;)]*)', need)
        if clauses and not _satisfies(torch, clauses[1]):
            why = f'made for torch{clauses[1].strip()}; this is torch {torch}'
            return Finding('torchvision', 'warning', vision, why, torchvision_command())
    return ''


def _satisfies(version: str, clauses: str) -> bool:
    # clauses: `>=2.14,<3`
    found = re.findall(r'([<>=!]=|[<>])\s*([\d.]*\d)', clauses)
    return all(
        COMPARE[sign](parse_version(version), parse_version(bound))
        for sign, bound in found
    )


def check_gpu() -> Finding:
    """Run a kernel on the GPU, or find out why there is none."""
    import torch

    if torch.cuda.is_available():
        torch.ones(1, device='cuda').add_(1).item()
        return Finding(
            'GPU', 'ok', f'{torch.cuda.get_device_name()}, {_describe_build(torch)}'
        )
    driver = _run_nvidia_smi()
    if not driver:
        return Finding('GPU', 'note', 'none', 'training runs on the CPU')
    if os.environ.get('CUDA_VISIBLE_DEVICES', '0') in ('', '-1'):
        why = 'CUDA_VISIBLE_DEVICES hides it: training runs on the CPU'
        return Finding('GPU', 'note', 'hidden', why, 'unset CUDA_VISIBLE_DEVICES')
    cuda = re.search(r'CUDA[\w ]*Version: *(\d+)\.(\d+)', driver)
    # wheels for CUDA 12.6 run on every driver for CUDA 12
    backend = {'12': 'cu126', '13': 'cu130'}.get(cuda[1]) if cuda else None
    fix = f'{RETORCH_BY_UV} --torch-backend={backend}' if backend else RETORCH
    seen = f'driver for CUDA {cuda[1]}.{cuda[2]}' if cuda else 'present'
    why = f'torch is built for {_describe_build(torch)}: training runs on the CPU'
    return Finding('GPU', 'warning', seen, why, fix)


def _describe_build(torch: object) -> str:
    cuda = torch.version.cuda  # type: ignore[attr-defined]
    return f'CUDA {cuda}' if cuda else 'the CPU only'


def _run_nvidia_smi() -> str:
    # '' without a driver or a GPU
    path = shutil.which('nvidia-smi')
    if not path:
        return ''
    done = subprocess.run([path], capture_output=True, text=True, timeout=60)
    return done.stdout if done.returncode == 0 else ''


def check_operators() -> Finding:
    """Run operators of mmcv on the CPU and the GPU, and report who provides them."""
    import torch
    from mmcv import _ext
    from mmcv.ops import get_compiling_cuda_version

    name, has_gpu = 'mmcv operators', torch.cuda.is_available()
    cuda = get_compiling_cuda_version()
    if _is_standin(_ext):
        seen = f'hrnet_mm on torchvision {installed_version("torchvision")}'
        why, fix = (
            'this torchvision does not fit torch or the GPU',
            torchvision_command(),
        )
    else:
        cpu_only = cuda == 'not available'
        seen = 'compiled for CPU' if cpu_only else f'compiled for CPU, CUDA {cuda}'
        why, fix = 'hrnet_mm has operators for CPU and GPU', OUR_OPERATORS
        if has_gpu and cpu_only:
            return Finding(name, 'warning', seen, why, fix)
    for device in ['cpu', 'cuda'] if has_gpu else ['cpu']:
        if failed := _find_failing_operator(device):
            return Finding(name, 'broken', f'{seen}; {failed}', why, fix)
    return Finding(name, 'ok', f'{seen}, run on the GPU' if has_gpu else seen)


def _find_failing_operator(device: str) -> str:
    import torch

    # an empty string if all work
    operators = dict(
        nms=_run_nms, roi_align=_run_roi_align, deform_conv=_run_deform_conv
    )
    for name, run in operators.items():
        try:
            run(device)
            if device == 'cuda':
                torch.cuda.synchronize()
        except Exception as error:
            return f'{name} on {device}: {last_line(error)}'
    return ''


def _run_nms(device: str) -> None:
    import torch
    from mmcv.ops import nms

    nms(torch.ones(1, 4, device=device), torch.ones(1, device=device), 0.5)


def _run_roi_align(device: str) -> None:
    import torch
    from mmcv.ops import RoIAlign

    features = torch.ones(1, 1, 8, 8, device=device, requires_grad=True)
    box = torch.tensor([[0.0, 1.0, 1.0, 5.0, 5.0]], device=device)
    RoIAlign(2)(features, box).sum().backward()


def _run_deform_conv(device: str) -> None:
    # 3x3, with offsets of zero
    import torch
    from mmcv.ops import deform_conv2d

    image, weight = torch.ones(2, 1, 1, 3, 3, device=device)
    deform_conv2d(image, torch.zeros(1, 18, 1, 1, device=device), weight)


def _is_standin(module: ModuleType) -> bool:
    standins = sys.modules.get('hrnet_mm_standins')
    return standins is not None and str(module.__file__).startswith(standins.ROOT)


def check_keypoint_scores() -> Finding:
    """Check xtcocotools, or faster-coco-eval, which replaces it in hrnet_mm."""
    import xtcocotools

    name, broken = 'keypoint scores', ''
    if not _is_standin(xtcocotools):
        try:
            importlib.import_module('xtcocotools._mask')
            return Finding(
                name, 'ok', f'xtcocotools {installed_version("xtcocotools")}'
            )
        except (ImportError, ValueError) as error:  # hrnet_mm.compat replaces it
            broken = last_line(error)
    importlib.import_module('pycocotools.coco')
    importlib.import_module('faster_coco_eval')
    seen = f'hrnet_mm on faster-coco-eval {installed_version("faster-coco-eval")}'
    if broken:
        why = f'in place of the installed xtcocotools: {broken}'
        return Finding(name, 'note', seen, why, OUR_SCORES)
    return Finding(name, 'ok', seen)


def check_training_step() -> str:
    """Run a training step of HRNet, built from the registry as a runner does."""
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
