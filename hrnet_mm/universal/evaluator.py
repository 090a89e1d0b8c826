"""The metrics of several tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.structures import BaseDataElement

from hrnet_mm.messages import shortened
from hrnet_mm.registry import EVALUATORS


@EVALUATORS.register_module()
class TaskEvaluator(Evaluator):
    """Passes the samples of each task to the metrics of that task.

    Scores have the name of the task as a prefix: ``objects/coco/bbox_mAP``.

    Args:
        metrics: For each task its metric, or a list of these. A metric of a library
            needs ``_scope_``, unless its type has a prefix. None removes a task.
        single_task: Scores of single-task networks by their name here. With it, the
            score ``gain`` is the mean of the relative gains over these, in percent
            (Vandenhende et al., TPAMI 2021, section 4.1); usable as ``save_best`` with
            ``rule='greater'``.
        lower_is_better: The names in ``single_task`` for which lower is better.

    Raises:
        ValueError: If ``lower_is_better`` has a name that ``single_task`` has not, or a
            score of ``single_task`` is not above 0.
    """

    def __init__(
        self,
        metrics: Mapping[str, Any],
        single_task: Mapping[str, float] | None = None,
        lower_is_better: Sequence[str] = (),
    ) -> None:
        # a list is a Sequence, as the stock class asks; a ConfigDict is not
        self.evaluators = {
            name: Evaluator([*found] if isinstance(found, list | tuple) else found)
            for name, found in metrics.items()
            if found is not None
        }
        self.single_task = dict(single_task or {})
        self.lower_is_better = tuple(lower_is_better)
        if unknown := [it for it in self.lower_is_better if it not in self.single_task]:
            raise ValueError(
                f'lower_is_better has {shortened(unknown)}, but single_task has '
                f'{shortened([*self.single_task])}'
            )
        if wrong := [it for it, score in self.single_task.items() if not score > 0]:
            raise ValueError(
                f'single_task has no score above 0 for {shortened(wrong)}: a relative '
                'gain needs one'
            )
        self._dataset_meta: Any = None

    @property
    def metrics(self) -> list[BaseMetric]:
        """The metrics of all tasks."""
        return [metric for it in self.evaluators.values() for metric in it.metrics]

    @property
    def dataset_meta(self) -> Any:
        """The metainfo of the data set of each task, by its name."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta: Mapping[str, Any]) -> None:
        self._dataset_meta = dataset_meta
        missing = [name for name in self.evaluators if name not in dataset_meta]
        if missing:
            raise ValueError(
                f'val_evaluator has metrics of {shortened(missing)}, but the data set '
                f'has the tasks {shortened([*dataset_meta])}'
            )
        for name, evaluator in self.evaluators.items():
            evaluator.dataset_meta = dataset_meta[name]

    def process(
        self, data_samples: Sequence[BaseDataElement], data_batch: Any = None
    ) -> None:
        """Pass predictions and ground truth to the metrics of their tasks.

        Args:
            data_samples: ``TaskSamples``.
            data_batch: The batch of the data loader.
        """
        samples: list[Any] = [*data_samples]
        for name, evaluator in self.evaluators.items():
            of_task = [sample.get(name) for sample in samples if name in sample]
            if of_task:
                evaluator.process(of_task, data_batch)

    def evaluate(self, size: int) -> dict[str, float]:
        """Return the scores of all tasks.

        Args:
            size: The number of samples of the data set. The metainfo of a task may have
                its own, ``num_samples``.
        """
        scores: dict[str, float] = {}
        for name, evaluator in self.evaluators.items():
            meta = evaluator.dataset_meta or {}
            found = evaluator.evaluate(meta.get('num_samples', size))
            scores |= {f'{name}/{key}': value for key, value in found.items()}
        if self.single_task:
            scores['gain'] = self._gain(scores)
        return scores

    def _gain(self, scores: Mapping[str, float]) -> float:
        if missing := [name for name in self.single_task if name not in scores]:
            raise ValueError(
                f'single_task has {shortened(missing)}, but the scores are '
                f'{shortened([*scores])}'
            )
        gains = [
            (-1 if name in self.lower_is_better else 1) * (scores[name] / single - 1)
            for name, single in self.single_task.items()
        ]
        return 100 * mean(gains)
