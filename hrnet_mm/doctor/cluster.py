"""Diagnosis of a job with many processes: ``hrnet-mm doctor --cluster``.

Every process examines its own node, then all communicate. Rank 0 prints a report, with
the ranks of findings that differ between them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any, NoReturn

from . import exit_code, group_checks, node_checks, print_findings
from .fixes import Finding, Level
from .group_checks import NFS, SILENT, marker_file
from .node_checks import Needs, workers_option
from .rendezvous import ProcessInfo, Rendezvous, RendezvousError, detect_process

if TYPE_CHECKING:
    from rich.console import Console

HOW = """\
No launcher was found. Start this in every process of a job, like a training:
  srun --nodes 2 --ntasks-per-node 8 --gres gpu:8 hrnet-mm doctor --cluster
  torchrun --nproc-per-node 8 --no-python hrnet-mm doctor --cluster"""

LEVELS: tuple[Level, ...] = ('ok', 'note', 'warning', 'broken')
# What it means if a finding is ok on every rank, but not the same.
DIFFERENT: dict[str, tuple[Level, str]] = {
    'GPU': ('warning', 'the slowest sets the pace'),
    'folder': ('warning', 'not the same files on all nodes'),
    'weights': ('broken', 'not the same file on all nodes: copy it again'),
    'open files': ('ok', ''),
}
UNEQUAL: tuple[Level, str] = ('broken', 'use one environment on all nodes')
MEET = 'export MASTER_ADDR=ADDRESS MASTER_PORT=PORT  # of rank 0; a free, open port'


def run(needs: Needs, seconds: float, console: Console) -> int:
    """Examine the job that this process belongs to.

    Args:
        needs: The resources that the job needs.
        seconds: How long to wait for the other processes, and again for the checks
            that all run together.
        console: The console of rank 0.

    Returns:
        The exit code, which is the same in all processes: 0 if nothing is broken, 1 if
        something is broken, 2 if no launcher started this process.
    """
    process = detect_process()
    if process is None:
        console.print(HOW, soft_wrap=True)
        return 2
    try:
        rendezvous = Rendezvous(process, seconds)
    except RendezvousError as error:
        if process.rank == 0:
            print_findings(
                [Finding('rendezvous', 'broken', str(error), fix=MEET)], console
            )
        else:
            print(f'{error}\n    {MEET}', file=sys.stderr)
        return 1
    rendezvous.publish('node', node_checks.run_checks(process, needs))
    if process.rank == 0:
        return _run_rank_0(rendezvous, needs, seconds, console)
    return _run_other_rank(rendezvous, needs, seconds)


def end_process(code: int) -> NoReturn:
    """Exit without waiting for threads, in which NCCL may hang."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _run_rank_0(
    rendezvous: Rendezvous, needs: Needs, seconds: float, console: Console
) -> int:
    job = JobReport(rendezvous.process, rendezvous.collect('node', seconds))
    findings = [job.rendezvous(), job.nodes(), job.backend()]
    findings += [*job.merge_all(job.reports), job.cores(needs.workers)]
    alive = job.reports
    if job.missing:
        rendezvous.publish('plan')
    else:
        with marker_file(needs.work_dir) as name:
            plan = dict(backend=job.backend_name, marker=name)
            rendezvous.publish('plan', plan)
            rendezvous.publish(
                'group', group_checks.run_checks(rendezvous, needs, plan, seconds)
            )
            alive = rendezvous.collect('group', seconds + NFS)
        silent = dict(findings=[asdict(SILENT)])
        findings += job.merge_all(
            {rank: alive.get(rank, silent) for rank in job.reports}
        )
    print_findings(findings, console)
    code = exit_code(findings)
    rendezvous.publish('verdict', code)
    rendezvous.publish('heard')
    rendezvous.collect('heard', 5, alive)  # the store ends with rank 0
    return code


def _run_other_rank(rendezvous: Rendezvous, needs: Needs, seconds: float) -> int:
    # rank 0 may start later, by up to `seconds`
    plan = rendezvous.collect('plan', 2 * seconds, [0]).get(0)
    if plan:
        rendezvous.publish(
            'group', group_checks.run_checks(rendezvous, needs, plan, seconds)
        )
    code = rendezvous.collect('verdict', 2 * (seconds + NFS), [0]).get(0)
    if code is None:
        print(
            f'rank {rendezvous.process.rank}: rank 0 ended without a result',
            file=sys.stderr,
        )
        return 1
    rendezvous.publish('heard')
    return code


class JobReport:
    """The reports of all processes, and the findings that follow from them.

    Args:
        process: The process of rank 0.
        reports: Reports of ``node_checks.run_checks`` by rank.
    """

    def __init__(
        self, process: ProcessInfo, reports: Mapping[int, dict[str, Any]]
    ) -> None:
        self.process, self.reports = process, reports
        self.missing = [r for r in range(process.size) if r not in reports]
        self.hosts: dict[str, list[int]] = {}
        for rank, report in reports.items():
            self.hosts.setdefault(report['host'], []).append(rank)

    def rendezvous(self) -> Finding:
        """Report missing processes."""
        process = self.process
        if not self.missing:
            return Finding(
                'rendezvous', 'ok', f'{process.size} processes, {process.endpoint}'
            )
        came = f'{len(self.reports)} of {process.size} processes'
        seen = f'{came}, without {format_ranks(self.missing)}'
        why = f'not started, or they cannot reach {process.endpoint}: see their output'
        return Finding('rendezvous', 'broken', seen, why, MEET)

    def nodes(self) -> Finding:
        """Report the ranks on each node."""
        return Finding(
            'nodes', 'ok', f'{len(self.hosts)}: {self.describe_ranks(self.reports)}'
        )

    @property
    def backend_name(self) -> str:
        """The backend that all ranks support: nccl, or gloo."""
        return 'nccl' if all(r['cuda'] for r in self.reports.values()) else 'gloo'

    def backend(self) -> Finding:
        """Report the backend, or ranks without a GPU."""
        without = [rank for rank, r in self.reports.items() if not r['cuda']]
        if len(without) in (0, len(self.reports)):
            return Finding('backend', 'ok', self.backend_name)
        seen = f'no GPU on {self.describe_ranks(without)}'
        why = 'the other ranks have one and use NCCL'
        return Finding('backend', 'broken', seen, why, '--gres=gpu:N')

    def cores(self, workers: int) -> Finding:
        """Compare the CPU cores per process with the number of data loader workers."""
        # launchers may bind each process to some cores, or to all of the node
        share = min(
            len({core for rank in ranks for core in self.reports[rank]['cores']})
            / len(ranks)
            for ranks in self.hosts.values()
        )
        seen = f'{share:.2g} for each process'
        if share > workers:
            return Finding('cores', 'ok', seen)
        why = f'too few for {workers} workers and the process itself'
        fix = workers_option(max(int(share) - 1, 0))
        if self.process.launcher == 'srun':
            fix = f'--cpus-per-task={workers + 1}  # to sbatch and to srun'
        return Finding('cores', 'warning', seen, why, fix)

    def merge_all(self, reports: Mapping[int, dict[str, Any]]) -> list[Finding]:
        """Merge the findings of all ranks into one per check."""
        by_name: dict[str, dict[Finding, list[int]]] = {}
        for rank, report in reports.items():
            for values in report['findings']:
                finding = Finding(**values)
                ranks = by_name.setdefault(finding.name, {}).setdefault(finding, [])
                ranks.append(rank)
        return [self.merge(found) for found in by_name.values()]

    def merge(self, found: Mapping[Finding, list[int]]) -> Finding:
        """Return the worst finding of a check, with its ranks."""
        worst = max(found, key=lambda finding: LEVELS.index(finding.level))
        if len(found) == 1:
            return worst
        level, why = worst.level, worst.why
        if level == 'ok':
            level, why = DIFFERENT.get(worst.name.rstrip(' 0123456789'), UNEQUAL)
        seen = '; '.join(
            f'{finding.seen} on {self.describe_ranks(ranks)}'
            for finding, ranks in found.items()
            if finding.level == worst.level
        )
        return Finding(worst.name, level, seen, why, worst.fix)

    def describe_ranks(self, ranks: Collection[int]) -> str:
        """Format ranks as ``ranks 0-7 (node1), rank 9 (node2)``, up to four nodes."""
        found = {host: [r for r in rs if r in ranks] for host, rs in self.hosts.items()}
        parts = [f'{format_ranks(rs)} ({host})' for host, rs in found.items() if rs]
        return ', '.join(
            parts[:4] + [f'{len(parts) - 4} more nodes'] * (len(parts) > 4)
        )


def format_ranks(ranks: Sequence[int]) -> str:
    """Format sorted ranks as ``ranks 0-2, 5``."""
    runs = [
        [rank for _, rank in run]
        for _, run in groupby(enumerate(ranks), lambda pair: pair[1] - pair[0])
    ]
    spans = [f'{run[0]}-{run[-1]}' if len(run) > 1 else f'{run[0]}' for run in runs]
    return f'rank{"s" * (len(ranks) > 1)} {", ".join(spans)}'
