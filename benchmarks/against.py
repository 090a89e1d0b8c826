"""HRNet of another library and ours in turns: inference and training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten

from hrnet_mm.inference import standalone
from hrnet_mm.inference.deploy import deploy
from hrnet_mm.inference.export import FORMATS, missing_packages, trace
from hrnet_mm.models import HRNet
from hrnet_mm.models.layers import Recompute, ResidualBlock
from hrnet_mm.models.precision import MixedPrecision, has_bfloat16_arithmetic
from hrnet_mm.models.training_graph import STEADY
from hrnet_mm.profiling import count_macs

from .baselines import Pair, Rival
from .timing import (
    Timing,
    dense_convolution,
    dense_macs,
    saved_for_backward,
    take_turns,
)

CHECKED = 8
"""Images of a batch whose outputs are checked in double precision."""

Progress = Callable[[str], None]
Call = Callable[[], Any]


@dataclass
class Variant:
    """One way to compute the same.

    Attributes:
        name: In the table; the first one of a race is the rival.
        run: Computes.
        bf16: In bfloat16, for the most part.
        error: The largest one, as a share of the largest value, against the rival in
            double precision; of inference.
        saved: Bytes that are kept for the backward; of training.
    """

    name: str
    run: Call
    bf16: bool = False
    error: float | None = None
    saved: int | None = None
    timing: Timing = field(default_factory=Timing)


@dataclass
class Race:
    """A table: the variants of a network in one setting.

    Attributes:
        title: What is computed.
        macs: Multiplications of one call.
        device: ``'cpu'`` or ``'cuda'``.
        variants: The rival first.
        peaks: The dense convolutions of the same rounds, by ``Variant.bf16``.
    """

    title: str
    macs: int
    device: str
    variants: list[Variant]
    peaks: dict[bool, Timing] = field(default_factory=dict)

    def run(self, rounds: int, progress: Progress) -> None:
        """Time all variants, and the densest arithmetic of the machine."""
        cases: dict[str, Call] = {v.name: v.run for v in self.variants}
        dense = {bf16: f'dense, bf16={bf16}' for bf16 in self.kinds()}
        for bf16, name in dense.items():
            cases[name] = dense_convolution(bf16, self.device)
        timings = take_turns(
            cases, rounds, lambda name: progress(f'{self.title}: {name}')
        )
        for variant in self.variants:
            variant.timing = timings[variant.name]
        self.peaks = {bf16: timings[name] for bf16, name in dense.items()}

    def kinds(self) -> set[bool]:
        """Whether in bfloat16: both, or float32 only."""
        return {variant.bf16 for variant in self.variants}

    def ratios(self, variant: Variant) -> list[float]:
        """How many times faster than the rival, in each round."""
        theirs, ours = self.variants[0].timing.seconds, variant.timing.seconds
        return [a / b for a, b in zip(theirs, ours, strict=True)]

    def shares(self, variant: Variant) -> list[float]:
        """Of the multiplications a second that the machine can do, in each round."""
        peak, calls = self.peaks[variant.bf16].seconds, variant.timing.seconds
        return [
            self.macs / dense_macs(self.device) * dense / call
            for dense, call in zip(peak, calls, strict=True)
        ]


def races(
    rival: Rival, arch: str, device: str, rounds: int, progress: Progress
) -> Iterator[Race]:
    """Inference with each batch, then training, with the last one."""
    torch.backends.cudnn.benchmark = True  # as in our configs
    pair = rival.build(arch, device)
    for batch in rival.batches[device]:
        x = torch.randn(batch, 3, *rival.size, device=device)
        title = f'{rival.library}, {rival.what}, {arch}, {tuple(x.shape)}'
        pair[0].eval()
        macs = count_macs(pair[0], partial(forward, pair[0], x))
        variants = inference(rival, pair, x)
        race = Race(f'{title}: inference', macs, device, variants)
        race.run(rounds, progress)
        yield race
    variants = training(rival, pair, x)
    race = Race(f'{title}: training step', 3 * macs, device, variants)
    race.run(rounds, progress)
    yield race


def steps(rivals: list[Rival], device: str, rounds: int) -> int:
    """About how many times ``races`` report progress."""
    return sum((len(rival.batches[device]) * 8 + 7) * rounds for rival in rivals)


def inference(rival: Rival, pair: Pair, x: Tensor) -> list[Variant]:
    """Theirs, and ours: in float32, as in our configs, deployed, compiled."""
    theirs, ours = pair
    for model in pair:
        model.eval()
    auto = deepcopy(ours)
    compute_in(auto)
    models = {
        rival.library: theirs,
        'hrnet_mm': ours,
        'auto': auto,
        'deploy': deploy(ours),
        'deploy, sizes': deploy(ours, sizes=[x.shape]),
    }
    if has_bfloat16_arithmetic(x.device):
        bf16 = torch.bfloat16
        models['deploy, bf16'] = deploy(ours, dtype=bf16)
        models['deploy, sizes, bf16'] = deploy(ours, sizes=[x.shape], dtype=bf16)
    truth = forward(deepcopy(theirs).double(), x[:CHECKED].double())
    calls: dict[str, Call] = {
        name: partial(forward, model, x) for name, model in models.items()
    }
    if x.device.type == 'cpu':
        calls |= exported(ours, x)
    answers = {name: call() for name, call in calls.items()}
    return [
        # exported files give the first output only
        Variant(name, call, 'bf16' in name, largest_error(ys, truth))
        for (name, call), ys in zip(calls.items(), answers.values(), strict=True)
    ]


def exported(model: nn.Module, x: Tensor) -> dict[str, Call]:
    """What other runtimes compute; of several outputs they give the first one."""
    names = [name for name in ('onnx', 'openvino') if not missing_packages(name)]
    if not names:
        return {}
    program = trace(deploy(model), x)
    calls: dict[str, Call] = {}
    with TemporaryDirectory() as folder:
        for name in names:
            path = Path(folder) / f'model{FORMATS[name].suffix}'
            FORMATS[name].write(program, path)
            calls[name] = partial(answer, standalone.load(path), x)
            if name == 'openvino' and has_bfloat16_arithmetic(x.device):
                calls[f'{name}, bf16'] = partial(
                    answer, standalone.load(path, bf16=True), x
                )
    return calls


def answer(model: standalone.Model, x: Tensor) -> list[Tensor]:
    """Of an exported file."""
    return [torch.from_numpy(model(x.numpy()))]


def training(rival: Rival, pair: Pair, x: Tensor) -> list[Variant]:
    """Theirs, and ours: in float32, as in our configs, recomputing, as CUDA graphs."""
    theirs, ours = pair
    bf16 = has_bfloat16_arithmetic(x.device)
    variants = [
        training_variant(rival.library, theirs, x),
        training_variant('hrnet_mm', ours, x),
    ]
    kinds: tuple[Recompute, ...] = (False, 'norms', True)
    for cuda_graph in (False, True) if x.is_cuda else (False,):
        for what in kinds:
            model = deepcopy(ours)
            set_recompute(model, what)
            compute_in(model, cuda_graph)
            name = 'auto' + f', with_cp={what!r}' * bool(what) + ', graph' * cuda_graph
            variants.append(training_variant(name, model, x, bf16))
            for _ in range(STEADY * cuda_graph):
                variants[-1].run()
    return variants


def training_variant(
    name: str, model: nn.Module, x: Tensor, bf16: bool = False
) -> Variant:
    """A step of a model, and what its forward saves."""
    model.train()  # returns nothing in the libraries
    saved = saved_for_backward(model, partial(outputs, model, x))
    return Variant(name, TrainingStep(model, x), bf16, saved=saved)


def compute_in(model: nn.Module, cuda_graph: bool = False) -> None:
    """Let trunks and necks compute as in our configs."""
    for module in model.modules():
        if isinstance(module, HRNet):
            module.set_precision('auto', cuda_graph)
        elif isinstance(module, MixedPrecision):
            module.set_precision('auto')


class TrainingStep:
    """Forward, a loss of all outputs, backward, update."""

    def __init__(self, model: nn.Module, x: Tensor) -> None:
        self.model, self.x = model, x
        # a rate of 0: after any number of steps the numbers are those of the first one
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.0, momentum=0.9)

    def __call__(self) -> None:
        """One step."""
        ys = outputs(self.model, self.x)
        torch.stack([y.square().mean() for y in ys]).sum().backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


def outputs(model: nn.Module, x: Tensor) -> list[Tensor]:
    """Return the outputs of a forward."""
    return tree_flatten(model(x))[0]


@torch.no_grad()
def forward(model: nn.Module, x: Tensor) -> list[Tensor]:
    """What inference gives."""
    return tree_flatten(model(x))[0]


def largest_error(ys: list[Tensor], truth: list[Tensor]) -> float:
    """As a share of the largest value, of the images in ``truth``; the worst output."""
    return max(
        ((y[: len(true)].double() - true).abs().max() / true.abs().max()).item()
        for y, true in zip(ys, truth, strict=False)
    )


def set_recompute(model: nn.Module, what: Recompute) -> None:
    """Set ``with_cp`` of all blocks."""
    for module in model.modules():
        if isinstance(module, ResidualBlock):
            module.with_cp = what
