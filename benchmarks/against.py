"""Compares the HRNet of another library with ours: inference and training speed."""

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

from .baselines import Baseline, Pair
from .timing import (
    Timing,
    dense_convolution,
    dense_macs,
    saved_for_backward,
    time_interleaved,
)

CHECKED = 8
"""Number of images of a batch whose outputs are compared in double precision."""

Progress = Callable[[str], None]
Call = Callable[[], Any]


@dataclass
class Variant:
    """One way to run a network, such as deployed or compiled.

    Attributes:
        name: Name in the table.
        run: Function to time.
        bf16: Whether it computes mostly in bfloat16.
        error: For inference, the largest error against the baseline in double
            precision, relative to the largest value.
        saved: For training, bytes of saved activations.
        timing: Measured by ``Comparison.run``.
    """

    name: str
    run: Call
    bf16: bool = False
    error: float | None = None
    saved: int | None = None
    timing: Timing = field(default_factory=Timing)


@dataclass
class Comparison:
    """A table that compares the variants of a network in one setting.

    Attributes:
        title: Library, network, image size and mode.
        macs: Multiply-accumulate operations of one call.
        device: ``'cpu'`` or ``'cuda'``.
        variants: The first one is the baseline.
        peaks: Timings of the dense convolution in the same rounds, by ``Variant.bf16``.
    """

    title: str
    macs: int
    device: str
    variants: list[Variant]
    peaks: dict[bool, Timing] = field(default_factory=dict)

    def run(self, rounds: int, progress: Progress) -> None:
        """Time all variants, and a dense convolution for the peak of the machine."""
        cases: dict[str, Call] = {v.name: v.run for v in self.variants}
        dense = {bf16: f'dense, bf16={bf16}' for bf16 in self._dtypes()}
        for bf16, name in dense.items():
            cases[name] = dense_convolution(bf16, self.device)
        timings = time_interleaved(
            cases, rounds, lambda name: progress(f'{self.title}: {name}')
        )
        for variant in self.variants:
            variant.timing = timings[variant.name]
        self.peaks = {bf16: timings[name] for bf16, name in dense.items()}

    def _dtypes(self) -> set[bool]:
        return {variant.bf16 for variant in self.variants}

    def ratios(self, variant: Variant) -> list[float]:
        """Return how many times faster a variant is than the baseline in each round."""
        theirs, ours = self.variants[0].timing.seconds, variant.timing.seconds
        return [a / b for a, b in zip(theirs, ours, strict=True)]

    def shares(self, variant: Variant) -> list[float]:
        """Return the share of peak throughput that a variant reaches in each round."""
        peak, calls = self.peaks[variant.bf16].seconds, variant.timing.seconds
        return [
            self.macs / dense_macs(self.device) * dense / call
            for dense, call in zip(peak, calls, strict=True)
        ]


def compare(
    baseline: Baseline, arch: str, device: str, rounds: int, progress: Progress
) -> Iterator[Comparison]:
    """Yield comparisons of inference with each batch size, then of a training step.

    Training uses the last batch size.
    """
    torch.backends.cudnn.benchmark = True  # as in our configs
    pair = baseline.build(arch, device)
    for batch in baseline.batches[device]:
        x = torch.randn(batch, 3, *baseline.size, device=device)
        title = f'{baseline.library}, {baseline.part}, {arch}, {tuple(x.shape)}'
        pair[0].eval()
        macs = count_macs(pair[0], partial(forward, pair[0], x))
        variants = _inference_variants(baseline, pair, x)
        comparison = Comparison(f'{title}: inference', macs, device, variants)
        comparison.run(rounds, progress)
        yield comparison
    variants = _training_variants(baseline, pair, x)
    comparison = Comparison(f'{title}: training step', 3 * macs, device, variants)
    comparison.run(rounds, progress)
    yield comparison


def count_steps(baselines: list[Baseline], device: str, rounds: int) -> int:
    """Return about how many times ``compare`` reports progress for all baselines."""
    return sum((len(it.batches[device]) * 8 + 7) * rounds for it in baselines)


def _inference_variants(baseline: Baseline, pair: Pair, x: Tensor) -> list[Variant]:
    theirs, ours = pair
    for model in pair:
        model.eval()
    auto = deepcopy(ours)
    _set_auto_precision(auto)
    models = {
        baseline.library: theirs,
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
        calls |= _exported_models(ours, x)
    outputs = {name: call() for name, call in calls.items()}
    return [
        Variant(name, call, 'bf16' in name, largest_error(ys, truth))
        for (name, call), ys in zip(calls.items(), outputs.values(), strict=True)
    ]


def _exported_models(model: nn.Module, x: Tensor) -> dict[str, Call]:
    # exported models return the first output only
    names = [name for name in ('onnx', 'openvino') if not missing_packages(name)]
    if not names:
        return {}
    program = trace(deploy(model), x)
    calls: dict[str, Call] = {}
    with TemporaryDirectory() as folder:
        for name in names:
            path = Path(folder) / f'model{FORMATS[name].suffix}'
            FORMATS[name].write(program, path)
            calls[name] = partial(_run_exported, standalone.load(path), x)
            if name == 'openvino' and has_bfloat16_arithmetic(x.device):
                calls[f'{name}, bf16'] = partial(
                    _run_exported, standalone.load(path, bf16=True), x
                )
    return calls


def _run_exported(model: standalone.Model, x: Tensor) -> list[Tensor]:
    return [torch.from_numpy(model(x.numpy())[0])]


def _training_variants(baseline: Baseline, pair: Pair, x: Tensor) -> list[Variant]:
    theirs, ours = pair
    bf16 = has_bfloat16_arithmetic(x.device)
    variants = [
        _training_variant(baseline.library, theirs, x),
        _training_variant('hrnet_mm', ours, x),
    ]
    with_cp_values: tuple[Recompute, ...] = (False, 'norms', True)
    for cuda_graph in (False, True) if x.is_cuda else (False,):
        for with_cp in with_cp_values:
            model = deepcopy(ours)
            _set_with_cp(model, with_cp)
            _set_auto_precision(model, cuda_graph)
            name = 'auto' + f', with_cp={with_cp!r}' * bool(with_cp)
            name += ', graph' * cuda_graph
            variants.append(_training_variant(name, model, x, bf16))
            for _ in range(STEADY * cuda_graph):
                variants[-1].run()
    return variants


def _training_variant(
    name: str, model: nn.Module, x: Tensor, bf16: bool = False
) -> Variant:
    model.train()  # returns None in the libraries, so it is not chained
    saved = saved_for_backward(model, partial(_outputs, model, x))
    return Variant(name, _TrainingStep(model, x), bf16, saved=saved)


def _set_auto_precision(model: nn.Module, cuda_graph: bool = False) -> None:
    # as in our configs
    for module in model.modules():
        if isinstance(module, HRNet):
            module.set_precision('auto', cuda_graph)
        elif isinstance(module, MixedPrecision):
            module.set_precision('auto')


class _TrainingStep:
    def __init__(self, model: nn.Module, x: Tensor) -> None:
        self.model, self.x = model, x
        # a learning rate of 0, so that every step computes with the same weights
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.0, momentum=0.9)

    def __call__(self) -> None:
        ys = _outputs(self.model, self.x)
        torch.stack([y.square().mean() for y in ys]).sum().backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


def _outputs(model: nn.Module, x: Tensor) -> list[Tensor]:
    return tree_flatten(model(x))[0]


@torch.no_grad()
def forward(model: nn.Module, x: Tensor) -> list[Tensor]:
    """Return the outputs of a model as a flat list, without gradients."""
    return tree_flatten(model(x))[0]


def largest_error(ys: list[Tensor], truth: list[Tensor]) -> float:
    """Return the largest error over all outputs, relative to the largest true value.

    Args:
        ys: Outputs, (N, ...).
        truth: True outputs of the first images.
    """
    return max(
        ((y[: len(true)].double() - true).abs().max() / true.abs().max()).item()
        for y, true in zip(ys, truth, strict=False)
    )


def _set_with_cp(model: nn.Module, with_cp: Recompute) -> None:
    for module in model.modules():
        if isinstance(module, ResidualBlock):
            module.with_cp = with_cp
