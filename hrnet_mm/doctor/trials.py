"""What is tried where importing is no proof. Runs in a child process.

Each function returns what it saw, or raises what went wrong.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess

from .remedies import (
    MMCV,
    RETORCH,
    RETORCH_BY_UV,
    Finding,
    Level,
    pair_with_torch,
    version_of,
)


def python() -> Finding:
    """The interpreter."""
    version = platform.python_version()
    minor = tuple(int(n) for n in version.split('.')[:2])
    if (3, 10) <= minor <= (3, 12):
        return Finding('Python', 'ok', version)
    level: Level = 'broken' if minor < (3, 10) else 'warning'
    why = 'tested on 3.10 to 3.12; OpenMMLab has no wheels for others'
    return Finding('Python', level, version, why, 'python3.11 -m venv .venv')


def compiler() -> Finding:
    """What compiles mmcv and xtcocotools."""
    path = next(filter(None, map(shutil.which, ('c++', 'g++', 'clang++'))), None)
    if path:
        return Finding('C++ compiler', 'ok', path)
    why = 'only needed to build mmcv and xtcocotools'
    return Finding('C++ compiler', 'note', 'none', why, 'apt-get install g++')


def torch_numpy() -> str:
    """An array crosses from torch to numpy; fails where torch is built for numpy 1."""
    import torch

    torch.ones(1).numpy()
    return ''


def pair() -> Finding | str:
    """The torchvision of torch 2.N is 0.(N + 15)."""
    torch, vision = version_of('torch'), version_of('torchvision')
    fix = pair_with_torch()
    belonging = re.search(r'torchvision==(0\.\d+\.)\*', fix)
    if not vision or not belonging or vision.startswith(belonging[1]):
        return ''
    why = f'torch {torch} belongs with torchvision {belonging[1]}x'
    return Finding('torchvision', 'warning', vision, why, fix)


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


def mmcv_ops() -> Finding | str:
    """An operator runs; with a GPU, operators for the GPU were compiled."""
    import torch
    from mmcv.ops import get_compiling_cuda_version, nms

    nms(torch.tensor([[0.0, 0.0, 9.0, 9.0]]), torch.ones(1), 0.5)
    built = get_compiling_cuda_version()
    if built == 'not available' and torch.cuda.is_available():
        why = 'detection on the GPU needs operators compiled with CUDA'
        fix = MMCV.replace('MMCV_WITH_OPS=1', 'MMCV_WITH_OPS=1 FORCE_CUDA=1')
        return Finding('mmcv operators', 'warning', 'CPU only', why, fix)
    return 'CPU' if built == 'not available' else f'CPU, CUDA {built}'


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
