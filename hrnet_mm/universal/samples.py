"""The data samples of several tasks on one image."""

from __future__ import annotations

from mmengine.structures import BaseDataElement


class TaskSamples(BaseDataElement):
    """The data samples of an image: one field for each of its tasks.

    The field ``joints`` of a task ``joints`` is a ``PoseDataSample``, that of a
    detector a ``DetDataSample``, and so on, as the library of the task packs it.
    """

    @property
    def tasks(self) -> list[str]:
        """The names of the tasks, sorted: mmengine keeps them in a set."""
        return sorted(self.keys())
