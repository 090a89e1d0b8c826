"""What is broken between the processes of a job: ``hrnet-mm doctor --cluster``.

Every process examines its own node, then all try to work together, and rank 0 says
once what is the same everywhere and, where it is not, on which ranks.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any, NoReturn

from . import exit_code, group_checks, node_checks, show
from .fixes import Finding, Level
from .group_checks import NFS, SILENT, marker
from .node_checks import Needs, fewer_workers
from .rendezvous import Meeting, MeetingError, Place, find_place

if TYPE_CHECKING:
    from rich.console import Console

HOW = """\
No launcher started this. It runs in every process of a job, started as training is:
  srun --nodes 2 --ntasks-per-node 8 --gres gpu:8 hrnet-mm doctor --cluster
  torchrun --nproc-per-node 8 --no-python hrnet-mm doctor --cluster"""

LEVELS: tuple[Level, ...] = ('ok', 'note', 'warning', 'broken')
# What it means where a piece is fine on every rank, and not the same.
DIFFERENT: dict[str, tuple[Level, str]] = {
    'GPU': ('warning', 'the slowest sets the pace'),
    'folder': ('warning', 'not the same files on all nodes'),
    'weights': ('broken', 'not the same file on all nodes: copy it again'),
    'open files': ('ok', ''),
}
UNEQUAL: tuple[Level, str] = ('broken', 'use one environment on all nodes')
MEET = 'export MASTER_ADDR=ADDRESS MASTER_PORT=PORT  # of rank 0, free, in reach of all'


def run(needs: Needs, seconds: float, console: Console) -> int:
    """Examine the job that this process belongs to.

    Args:
        needs: What the job uses.
        seconds: For the others to come, and again for the work together.
        console: Where rank 0 prints.

    Returns:
        The exit code, the same in all processes: 0 if nothing is broken, 1 if
        something is, 2 if there is no job.
    """
    place = find_place()
    if place is None:
        console.print(HOW, soft_wrap=True)
        return 2
    try:
        meeting = Meeting(place, seconds)
    except MeetingError as error:
        if place.rank == 0:
            show([Finding('rendezvous', 'broken', str(error), fix=MEET)], console)
        else:
            print(f'{error}\n    {MEET}', file=sys.stderr)
        return 1
    meeting.tell('alone', node_checks.report(place, needs))
    if place.rank == 0:
        return lead(meeting, needs, seconds, console)
    return follow(meeting, needs, seconds)


def leave(code: int) -> NoReturn:
    """End, even if NCCL hangs in a thread."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def lead(meeting: Meeting, needs: Needs, seconds: float, console: Console) -> int:
    """Rank 0: collect, judge, print, and tell the exit code."""
    crew = Crew(meeting.place, meeting.hear('alone', seconds))
    findings = [crew.rendezvous(), crew.nodes(), crew.backend()]
    findings += [*crew.merged(crew.reports), crew.cores(needs.workers)]
    alive = crew.reports
    if crew.missing:
        meeting.tell('plan')
    else:
        with marker(needs.work_dir) as name:
            plan = dict(backend=crew.backend_name, marker=name)
            meeting.tell('plan', plan)
            meeting.tell('together', group_checks.report(meeting, needs, plan, seconds))
            alive = meeting.hear('together', seconds + NFS)
        silent = dict(findings=[asdict(SILENT)])
        findings += crew.merged(
            {rank: alive.get(rank, silent) for rank in crew.reports}
        )
    show(findings, console)
    code = exit_code(findings)
    meeting.tell('verdict', code)
    meeting.tell('heard')
    meeting.hear('heard', 5, alive)  # the store leaves with rank 0
    return code


def follow(meeting: Meeting, needs: Needs, seconds: float) -> int:
    """The others: take part, and wait for the exit code."""
    # rank 0 may have come later, by `seconds`
    plan = meeting.hear('plan', 2 * seconds, [0]).get(0)
    if plan:
        meeting.tell('together', group_checks.report(meeting, needs, plan, seconds))
    code = meeting.hear('verdict', 2 * (seconds + NFS), [0]).get(0)
    if code is None:
        print(f'rank {meeting.place.rank}: rank 0 left without a word', file=sys.stderr)
        return 1
    meeting.tell('heard')
    return code


class Crew:
    """The processes that came.

    Args:
        place: Of rank 0.
        reports: By rank.
    """

    def __init__(self, place: Place, reports: Mapping[int, dict[str, Any]]) -> None:
        self.place, self.reports = place, reports
        self.missing = [r for r in range(place.size) if r not in reports]
        self.hosts: dict[str, list[int]] = {}
        for rank, report in reports.items():
            self.hosts.setdefault(report['host'], []).append(rank)

    def rendezvous(self) -> Finding:
        """Whether all came."""
        place = self.place
        if not self.missing:
            return Finding('rendezvous', 'ok', f'{place.size} processes, {place.point}')
        came = f'{len(self.reports)} of {place.size} processes'
        seen = f'{came}, without {ranks_of(self.missing)}'
        why = f'not started, or {place.point} is out of their reach: see their output'
        return Finding('rendezvous', 'broken', seen, why, MEET)

    def nodes(self) -> Finding:
        """Who is where."""
        return Finding('nodes', 'ok', f'{len(self.hosts)}: {self.where(self.reports)}')

    @property
    def backend_name(self) -> str:
        """What all can talk over."""
        return 'nccl' if all(r['cuda'] for r in self.reports.values()) else 'gloo'

    def backend(self) -> Finding:
        """Over which the job will talk."""
        without = [rank for rank, r in self.reports.items() if not r['cuda']]
        if len(without) in (0, len(self.reports)):
            return Finding('backend', 'ok', self.backend_name)
        seen = f'no GPU on {self.where(without)}'
        why = 'the others have one, and talk over NCCL'
        return Finding('backend', 'broken', seen, why, '--gres=gpu:N')

    def cores(self, workers: int) -> Finding:
        """Those of a node, among its processes: launchers may bind them, or not."""
        share = min(
            len({core for rank in ranks for core in self.reports[rank]['cores']})
            / len(ranks)
            for ranks in self.hosts.values()
        )
        seen = f'{share:.2g} for each process'
        if share > workers:
            return Finding('cores', 'ok', seen)
        why = f'{workers} workers and the process itself wait for each other'
        fix = fewer_workers(max(int(share) - 1, 0))
        if self.place.launcher == 'srun':
            fix = f'--cpus-per-task={workers + 1}  # to sbatch and to srun'
        return Finding('cores', 'warning', seen, why, fix)

    def merged(self, reports: Mapping[int, dict[str, Any]]) -> list[Finding]:
        """One finding for each piece."""
        pieces: dict[str, dict[Finding, list[int]]] = {}
        for rank, report in reports.items():
            for values in report['findings']:
                finding = Finding(**values)
                ranks = pieces.setdefault(finding.name, {}).setdefault(finding, [])
                ranks.append(rank)
        return [self.merge(piece) for piece in pieces.values()]

    def merge(self, piece: Mapping[Finding, list[int]]) -> Finding:
        """The worst of a piece, and where it is."""
        worst = max(piece, key=lambda finding: LEVELS.index(finding.level))
        if len(piece) == 1:
            return worst
        level, why = worst.level, worst.why
        if level == 'ok':
            level, why = DIFFERENT.get(worst.name.rstrip(' 0123456789'), UNEQUAL)
        seen = '; '.join(
            f'{finding.seen} on {self.where(ranks)}'
            for finding, ranks in piece.items()
            if finding.level == worst.level
        )
        return Finding(worst.name, level, seen, why, worst.fix)

    def where(self, ranks: Collection[int]) -> str:
        """``ranks 0-7 (node1), rank 9 (node2)``, and no more than four nodes."""
        found = {host: [r for r in rs if r in ranks] for host, rs in self.hosts.items()}
        parts = [f'{ranks_of(rs)} ({host})' for host, rs in found.items() if rs]
        return ', '.join(
            parts[:4] + [f'{len(parts) - 4} more nodes'] * (len(parts) > 4)
        )


def ranks_of(ranks: Sequence[int]) -> str:
    """``ranks 0-2, 5``."""
    runs = [
        [rank for _, rank in run]
        for _, run in groupby(enumerate(ranks), lambda pair: pair[1] - pair[0])
    ]
    spans = [f'{run[0]}-{run[-1]}' if len(run) > 1 else f'{run[0]}' for run in runs]
    return f'rank{"s" * (len(ranks) > 1)} {", ".join(spans)}'
