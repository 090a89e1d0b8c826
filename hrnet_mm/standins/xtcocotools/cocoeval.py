"""Class ``COCOeval``: average precision and recall of boxes, masks and keypoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from pycocotools import cocoeval
from pycocotools.cocoeval import Params

# Annotation keys with the keypoints of each type; all other types use 'keypoints'.
PARTS = {
    'keypoints_wholebody': (
        'keypoints',
        'foot_kpts',
        'face_kpts',
        'lefthand_kpts',
        'righthand_kpts',
    ),
    'keypoints_foot': ('foot_kpts',),
    'keypoints_face': ('face_kpts',),
    'keypoints_lefthand': ('lefthand_kpts',),
    'keypoints_righthand': ('righthand_kpts',),
}
AREA_OF_BOX = 0.53  # area of an instance / area of its box, if areas are missing


class COCOeval(cocoeval.COCOeval):
    """Evaluation with the scores of xtcocotools 1.14.3, computed by faster-coco-eval.

    The two libraries read some fields differently, so faster-coco-eval gets converted
    copies of the annotations. The attributes ``evalImgs`` and ``ious`` stay empty. One
    score differs: NaN keypoints never match, while xtcocotools matches them to any
    instance.

    Args:
        cocoGt: Annotations.
        cocoDt: Results from ``cocoGt.loadRes``.
        iouType: ``'bbox'``, ``'segm'``, ``'keypoints'``, ``'keypoints_crowd'`` (with
            scores for easy, medium and hard images by their ``crowdIndex``),
            ``'keypoints_wholebody'``, or a part of the body: ``'keypoints_body'``,
            ``_foot``, ``_face``, ``_lefthand``, ``_righthand``. Results can have a
            score for the part, such as ``foot_score``.
        sigmas: Sigma of each keypoint; the 17 of COCO if None.
        use_area: Whether to use the area of annotations; if False, it is estimated from
            the box.
    """

    def __init__(
        self,
        cocoGt: Any = None,
        cocoDt: Any = None,
        iouType: str = 'keypoints',
        sigmas: np.ndarray | None = None,
        use_area: bool = True,
    ) -> None:
        super().__init__(iouType='keypoints' if 'keypoints' in iouType else iouType)
        self.cocoGt = cocoGt
        self.cocoDt = cocoDt
        self.use_area = use_area
        self.params.iouType = iouType
        if cocoGt is not None:
            self.params.imgIds = sorted(cocoGt.getImgIds())
            self.params.catIds = sorted(cocoGt.getCatIds())
        self.sigmas = Params('keypoints').kpt_oks_sigmas if sigmas is None else sigmas
        self._scorer: COCOeval_faster | None = None

    def evaluate(self) -> None:
        """Match results to annotations in each image."""
        p = self.params
        if p.useSegm is not None:
            p.iouType = 'segm' if p.useSegm == 1 else 'bbox'
        print(f'Evaluate annotation type *{p.iouType}*')
        p.imgIds = list(np.unique(p.imgIds))
        if p.useCats:
            p.catIds = list(np.unique(p.catIds))
        p.maxDets = sorted(p.maxDets)
        truth = self._copied(self.cocoGt, self._truth)
        # faster-coco-eval reads crowdIndex from it
        truth.annotation_file = dict(images=truth.dataset['images'])
        found = self._copied(self.cocoDt, self._found)
        known = p.iouType in ('bbox', 'segm', 'keypoints_crowd')
        kind = p.iouType if known else 'keypoints'
        scorer = COCOeval_faster(
            truth, found, kind, kpt_oks_sigmas=self.sigmas, print_function=_say_nothing
        )
        for name in ('iouThrs', 'recThrs', 'maxDets', 'areaRng', 'areaRngLbl'):
            setattr(scorer.params, name, getattr(p, name))
        scorer.params.imgIds = list(truth.imgs)
        scorer.params.catIds = list(truth.cats)
        scorer.evaluate()
        self._scorer = scorer

    def accumulate(self, p: None = None) -> None:
        """Set ``eval``: precision and recall for the parameters of evaluate()."""
        if p is not None:
            raise NotImplementedError(
                'p is not supported: set params before evaluate()'
            )
        scorer = self._evaluated()
        scorer.accumulate()
        self.eval = dict(scorer.eval, params=self.params)

    def summarize(self) -> None:
        """Print average precision and recall, and set ``stats``."""
        scorer = self._evaluated()
        if self.params.iouType in ('bbox', 'segm'):
            # for other maxDets than the defaults, faster-coco-eval has other scores
            super().summarize()
            return
        scorer.eval = (
            self.eval
        )  # for crowds, summarize() replaces it by that of hard images
        scorer.print_function = print
        scorer.summarize()
        self.stats = scorer.stats

    def _evaluated(self) -> COCOeval_faster:
        if self._scorer is None:
            raise RuntimeError('call evaluate() first')
        return self._scorer

    def _copied(
        self, coco: Any, fields: Callable[[dict[str, Any]], dict[str, Any] | None]
    ) -> COCO:
        # All ids are renumbered in order, because faster-coco-eval supports neither
        # strings as image ids nor 0 as an annotation id.
        images = {image: i for i, image in enumerate(self.params.imgIds)}
        categories = {category: i for i, category in enumerate(self.params.catIds)}
        chosen = [
            annotation
            for annotation in coco.loadAnns(coco.getAnnIds(imgIds=list(images)))
            if annotation['image_id'] in images
            and annotation['category_id'] in categories
        ]
        # without categories, equal scores are matched in the order of the categories
        chosen.sort(key=lambda annotation: categories[annotation['category_id']])
        if not self.params.useCats:
            categories = dict.fromkeys(categories, 0)
        annotations: list[dict[str, Any]] = []
        for annotation in chosen:
            copy = fields(annotation)
            if copy is not None:
                ids = dict(
                    image_id=images[annotation['image_id']],
                    category_id=categories[annotation['category_id']],
                )
                annotations.append(dict(copy, id=len(annotations) + 1, **ids))
        return COCO(
            dict(
                images=[dict(self.cocoGt.imgs[key], id=i) for key, i in images.items()],
                categories=[dict(id=i) for i in sorted(set(categories.values()))],
                annotations=annotations,
            )
        )

    def _truth(self, annotation: dict[str, Any]) -> dict[str, Any]:
        kind = self.params.iouType
        copy = dict(
            bbox=annotation['bbox'], iscrowd=int(annotation.get('iscrowd', False))
        )
        # keypoints need an area unless use_area=False: KeyError
        if self.use_area and ('keypoints' in kind or 'area' in annotation):
            copy['area'] = annotation['area']
        else:
            width, height = annotation['bbox'][2:]
            copy['area'] = width * height * AREA_OF_BOX
        if kind == 'segm':
            copy['segmentation'] = annotation['segmentation']
        if 'keypoints' in kind:
            copy['keypoints'] = _keypoints(annotation, kind)
            # Instances with 0 are ignored. CrowdPose counts only visible keypoints.
            copy['num_keypoints'] = (
                annotation['num_keypoints']
                if kind == 'keypoints_crowd'
                else sum(label > 0 for label in copy['keypoints'][2::3])
            )
        return copy

    def _found(self, result: dict[str, Any]) -> dict[str, Any] | None:
        kind = self.params.iouType
        copy = dict(area=result['area'], score=result['score'])
        if 'keypoints' not in kind:
            name = 'segmentation' if kind == 'segm' else kind
            return dict(copy, **{name: result[name]})
        if kind in PARTS:
            part = kind.removeprefix('keypoints_')
            copy['score'] = result.get(f'{part}_score', result['score'])
        copy['keypoints'] = _keypoints(result, kind)
        # results without keypoints are dropped, so they are not false positives
        return copy if any(score > 0 for score in copy['keypoints'][2::3]) else None


def _keypoints(annotation: dict[str, Any], kind: str) -> list[float]:
    if kind not in PARTS:
        return annotation['keypoints']
    return [value for name in PARTS[kind] for value in annotation[name]]


def _say_nothing(message: str) -> None:
    pass
