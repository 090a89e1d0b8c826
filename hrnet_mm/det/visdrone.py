"""VisDrone-DET: ten classes of objects seen from drones, with ignored regions."""

from __future__ import annotations

from pathlib import Path
from types import FunctionType
from typing import Any, ClassVar

from mmdet.datasets import CocoDataset
from mmengine.fileio import get_text, join_path, list_dir_or_file

from hrnet_mm.datasets.annotations import AnnotationError
from hrnet_mm.registry import DATASETS, METRICS
from hrnet_mm.standins.xtcocotools.cocoeval import COCOeval

from .datasets import CheckedObjects
from .metrics import CocoDetMetric, compute_with

CLASSES = (
    'pedestrian', 'people', 'bicycle', 'car', 'van', 'truck', 'tricycle',
    'awning-tricycle', 'bus', 'motor',
)  # fmt: skip
OTHERS = 11
FIELDS = (
    'left', 'top', 'width', 'height', 'score', 'category', 'truncation', 'occlusion'
)  # fmt: skip


def read_visdrone(
    file: str, backend_args: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the annotations of VisDrone-DET in COCO format.

    Each text file of the folder has the name of an image and a line of eight numbers
    for each object: left, top, width, height, score, category, truncation, occlusion.
    Category 0 is an ignored region, which becomes a crowd of each class. Objects of
    score 0 become a crowd of their class, as in the official evaluation. Objects of
    category 11, others, are of no class.

    Args:
        file: The folder ``annotations`` of a split, such as VisDrone2019-DET-train.
        backend_args: Arguments of mmengine's file functions.

    Raises:
        AnnotationError: If a file has another format.
    """
    if Path(file).is_file():
        raise AnnotationError(
            f'{file} is a file: ann_file of VisDrone is the folder of the annotations'
        )
    names = list_dir_or_file(
        file, list_dir=False, suffix='.txt', backend_args=backend_args
    )
    images: list[dict[str, Any]] = []
    objects: list[dict[str, Any]] = []
    for name in sorted(names):
        number = len(images) + 1
        images.append(dict(id=number, file_name=f'{name.removesuffix(".txt")}.jpg'))
        path = join_path(file, name, backend_args=backend_args)
        text = get_text(path, backend_args=backend_args)
        for i, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                for entry in _read_object(line, f'line {i} of {path}'):
                    objects.append(dict(entry, id=len(objects) + 1, image_id=number))
    categories = [dict(id=i, name=name) for i, name in enumerate(CLASSES, start=1)]
    categories.append(dict(id=OTHERS, name='others'))
    return dict(images=images, annotations=objects, categories=categories)


def _read_object(line: str, where: str) -> list[dict[str, Any]]:
    # the entries of an object: one, or for an ignored region one for each class
    try:
        values = [int(value) for value in line.strip().rstrip(',').split(',')]
        given = dict(zip(FIELDS, values, strict=True))
    except ValueError:
        raise AnnotationError(
            f'{where} is {line!r}, not {len(FIELDS)} integers of an object: '
            f'{",".join(FIELDS)}'
        ) from None
    category = given['category']
    if not 0 <= category <= OTHERS:
        raise AnnotationError(
            f'{where} has category {category}: VisDrone-DET has 0 (ignored region) to '
            f'{OTHERS} (others)'
        )
    entry = dict(
        bbox=values[:4],
        area=given['width'] * given['height'],
        iscrowd=int(category == 0 or given['score'] == 0),
    )
    classes = [category] if category else range(1, len(CLASSES) + 1)
    return [dict(entry, category_id=it) for it in classes]


@DATASETS.register_module()
class VisDrone(CheckedObjects, CocoDataset):
    """VisDrone-DET from its folders of text files, with checks of the annotations.

    ``ann_file`` is the folder of the annotations. Ignored regions are among the
    instances to ignore: a box of which a share of at least ``ignore_iof_thr`` of the
    assigner lies in one is neither trained nor background. Zhu et al., TPAMI 2021.
    """

    METAINFO: ClassVar[dict[str, Any]] = dict(classes=CLASSES)
    reader = staticmethod(read_visdrone)
    environment = 'VISDRONE'
    source = (
        'VisDrone-DET is at https://github.com/VisDrone/VisDrone-Dataset; '
        'configs/_base_/datasets/visdrone.py shows the layout.'
    )


class _AllDetections(COCOeval):
    # pycocotools computes AP, but not AP50 and the others, of 100 detections at most

    def summarize(self) -> None:
        super().summarize()
        precision = self.eval['precision'][..., 0, -1]  # of objects of all sizes
        known = precision[precision > -1]
        self.stats[0] = known.mean() if known.size else -1


@METRICS.register_module()
class VisDroneMetric(CocoDetMetric):
    """``CocoDetMetric`` with up to 500 detections of a class in an image.

    By default, the annotations are those of the samples, whose meta keys need
    ``instances``. The official toolkit differs: it removes objects and detections that
    lie by half in ignored regions before they are matched, counts the 500 detections
    over all classes, computes the exact area under the curve instead of 101 points, and
    gives classes without objects a score of 0.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **dict(proposal_nums=(100, 300, 500)) | kwargs)

    compute_metrics: FunctionType = compute_with(_AllDetections)
