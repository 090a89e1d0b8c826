"""What ``hrnet-mm bench`` runs: choose, measure, write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hrnet_mm.models.arch import select_stages

from .race import Race, races
from .race import steps as race_steps
from .ratios import write_ratios
from .report import write
from .rivals import RIVALS, choose_rivals
from .rows import PAPER, QUICK
from .run import Progress, bench, choose, describe, steps
from .scaling import scale, write_scaling
from .scaling import steps as scale_steps
from .turns import allocator


@dataclass
class Run:
    """What all measurements need.

    Attributes:
        device: ``'cpu'`` or ``'cuda'``.
        rounds: How often each network is measured.
        output: The folder that the reports are written to.
        eta: A bar for a number of steps.
    """

    device: str
    rounds: int
    output: Path
    eta: Callable[[int], AbstractContextManager[Progress]]

    def about(self) -> dict[str, Any]:
        """What the figures are measured on.

        Raises:
            ValueError: if there is no such device.
        """
        return describe(self.device) | dict(rounds=self.rounds)


def tasks(run: Run, names: Sequence[str], quick: bool, batch: int | None) -> list[Path]:
    """The runtime table of the paper."""
    rows, about = choose(names), run.about()
    settings = QUICK if quick else PAPER
    if batch:
        settings = {t: replace(s, batch=batch) for t, s in settings.items()}
    with run.eta(steps(rows, run.rounds)) as progress:
        entries = bench(rows, settings, run.rounds, run.device, progress)
    return write(entries, about, run.output)


def against(run: Run, libraries: Sequence[str], arch: str, quick: bool) -> list[Path]:
    """HRNet of other libraries beside ours."""
    select_stages(arch, None)
    rivals = choose_rivals(libraries or tuple(RIVALS))
    rivals = [rival.quick() for rival in rivals] if quick else rivals
    about = run.about() | dict(allocator=allocator())
    found: list[Race] = []
    paths: list[Path] = []
    with run.eta(race_steps(rivals, run.device, run.rounds)) as progress:
        for rival in rivals:
            for race in races(rival, arch, run.device, run.rounds, progress):
                found.append(race)
                # after each one: nothing is lost with Ctrl-C
                paths = write_ratios(found, about, run.output)
    return paths


def scaling(run: Run, arch: str) -> list[Path]:
    """One trunk, growing."""
    select_stages(arch, None)
    about = run.about() | dict(allocator=allocator())
    with run.eta(scale_steps(run.rounds)) as progress:
        points = scale(arch, (256, 192), run.rounds, run.device, progress)
    return write_scaling(points, about, run.output)
