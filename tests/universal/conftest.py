"""Batches of several tasks on TinyPeople."""

from __future__ import annotations

from typing import Any

import pytest
from universal_tasks import BATCH, load_samples

from hrnet_mm.universal import TaskSamples


@pytest.fixture
def samples(few_people):
    """Make a batch of several tasks on the same images of TinyPeople."""

    def make(*names: str, split: str = 'train') -> dict[str, list[Any]]:
        of_tasks = {name: load_samples(name, few_people, split) for name in names}
        first = of_tasks[names[0]]
        together = [
            TaskSamples(**{name: of_tasks[name][i]['data_samples'] for name in names})
            for i in range(BATCH)
        ]
        return dict(inputs=[it['inputs'] for it in first], data_samples=together)

    return make
