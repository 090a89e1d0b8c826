"""COCO: annotations and results, indexed by image and category."""

from __future__ import annotations

import json
from os import PathLike
from typing import Any

import numpy as np
from pycocotools import coco


class COCO(coco.COCO):
    """pycocotools' ``COCO`` with what xtcocotools adds.

    ``iscrowd`` defaults to False, and the list of results may be empty.

    Args:
        annotation_file: A JSON file. If None, fill ``dataset`` and call createIndex().
    """

    def __init__(self, annotation_file: str | PathLike[str] | None = None) -> None:
        super().__init__(annotation_file)
        for annotation in self.dataset.get('annotations', ()):
            annotation.setdefault('iscrowd', False)

    def loadRes(
        self, resFile: str | PathLike[str] | np.ndarray | list[dict[str, Any]]
    ) -> coco.COCO:
        """Return the results as a data set of the same images.

        Each result gets an ``id``, an ``area`` and a ``bbox``. A list is copied.

        Args:
            resFile: A JSON file, a list of dicts, or an array (N, 7) of image, x, y,
                width, height, score and category.
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
