"""The labels and predictions of several tasks for one image."""

from __future__ import annotations

from mmengine.structures import BaseDataElement


class TaskSamples(BaseDataElement):
    """The data samples of one image, a field for each task.

    A field has the name of its task and holds the data sample of the library of the
    task: ``DetDataSample``, ``PoseDataSample``, ``SegDataSample`` or ``DataSample``.
    """

    @property
    def tasks(self) -> list[str]:
        """The names of the tasks of this image, in alphabetical order."""
        return sorted(self.keys())
