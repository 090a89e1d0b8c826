"""Class ``COCO``: annotations and results, indexed by image and category."""

from __future__ import annotations

import json
from os import PathLike
from typing import Any

import numpy as np
from pycocotools import coco


class COCO(coco.COCO):
    """``COCO`` of pycocotools with the additions of xtcocotools.

    ``iscrowd`` defaults to False, and the list of results may be empty.

    Args:
        annotation_file: Path of a JSON file. If None, set ``dataset`` and call
            ``createIndex()``.
    """

    def __init__(self, annotation_file: str | PathLike[str] | None = None) -> None:
        super().__init__(annotation_file)
        for annotation in self.dataset.get('annotations', ()):
            annotation.setdefault('iscrowd', False)

    def loadRes(
        self, resFile: str | PathLike[str] | np.ndarray | list[dict[str, Any]]
    ) -> coco.COCO:
        """Return results as a data set with the same images.

        Each result gets an ``id``, an ``area`` and a ``bbox``. A list is not modified.

        Args:
            resFile: Path of a JSON file, a list of dicts, or an array, (N, 7), of image
                id, x, y, width, height, score and category id.
        """
        results = resFile
        if isinstance(results, (str, PathLike)):
            with open(results) as file:
                results = json.load(file)
        if isinstance(results, list):
            results = [dict(result) for result in results]
        if len(results):
            return super().loadRes(results)
        empty = COCO()
        empty.dataset = dict(images=list(self.dataset['images']), annotations=[])
        empty.createIndex()
        return empty
