"""The function of detectors that is exported: from pixels to boxes and masks.

It follows ``predict`` of MMDetection's heads, for batches and in operators of ONNX:
each image gets a fixed number of boxes, of which those with score 0 are empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmdet.models.dense_heads import RPNHead
from mmdet.models.dense_heads.base_dense_head import BaseDenseHead
from mmdet.models.roi_heads.bbox_heads import BBoxHead
from mmdet.models.roi_heads.mask_heads import FCNMaskHead
from torch import Tensor, nn
from torchvision.ops import nms, roi_align

from .exported_model import Exported


class ExportedDetector(Exported):
    """Detector of MMDetection as one function of tensors.

    Args:
        model: The model, in eval mode: a dense detector, such as RetinaNet and FCOS, or
            one with an RPN and box heads, such as Faster, Mask and Cascade R-CNN.

    Raises:
        ValueError: If the model, or a step of its test, is another one.
    """

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.roi_head = getattr(model, 'roi_head', None)
        _check(model)

    def forward(self, image: Tensor, size: Tensor) -> dict[str, Tensor]:
        """Return the objects of each image, M at most, the most certain first.

        Args:
            image: Unnormalised images, (N, C, H, W), padded at the bottom and the right
                by any values.
            size: Their heights and widths before padding, (N, 2), float32.

        Returns:
            ``boxes``, (N, M, 4), x1, y1, x2, y2 in pixels; ``scores``, (N, M), 0 where
            there is no object; ``labels``, (N, M), int64. With a mask head, also
            ``masks``, (N, M, h, w), probabilities over the area of each box.
        """
        feats = self.features(image, size)
        boxes, scores, labels = self.candidates(feats, size)
        cfg = self.model.test_cfg
        if self.roi_head is None:  # its threshold precedes the weights of centerness
            least = 0.0
        else:
            cfg = cfg.rcnn
            least = cfg.score_thr
        kept = suppress(boxes, scores, labels, cfg.nms.iou_threshold, least)
        scores, at = best(torch.where(kept, scores, 0.0), cfg.max_per_img)
        boxes = torch.where(scores[..., None] > 0, take(boxes, at), 0.0)
        labels = torch.where(scores > 0, take(labels, at), 0)
        objects = dict(boxes=boxes, scores=scores, labels=labels)
        if self.roi_head is not None and self.roi_head.with_mask:
            objects['masks'] = self._masks(feats, boxes, labels)
        return objects

    def inputs(self, image: Tensor) -> dict[str, Tensor]:
        """Return the inputs by name for images without padding, (N, C, H, W)."""
        size = torch.tensor(image.shape[2:], dtype=image.dtype)
        return dict(image=image, size=size.expand(image.shape[0], 2).contiguous())

    def align(
        self, outputs: list[np.ndarray], wanted: list[np.ndarray]
    ) -> list[np.ndarray]:
        """Return the object next to each of ``wanted``, of the same label.

        Rounding swaps objects of nearly the same score.
        """
        # objects without a score are the same
        boxes, scores, labels = (it.astype(np.float64) for it in outputs[:3])
        found = np.concatenate([boxes, scores[..., None], labels[..., None] * 1e6], 2)
        boxes, scores, labels = (it.astype(np.float64) for it in wanted[:3])
        given = np.concatenate([boxes, scores[..., None], labels[..., None] * 1e6], 2)
        order = [
            np.abs(a[:, None] - b).max(axis=2).argmin(axis=1)
            for a, b in zip(given, found, strict=True)
        ]
        return [
            np.stack([it[at] for it, at in zip(output, order, strict=True)])
            for output in outputs
        ]

    def features(self, image: Tensor, size: Tensor) -> Sequence[Tensor]:
        """Return the levels of the pyramid for the arguments of ``forward``."""
        # MMDetection pads normalised images with 0
        rows, columns = (
            torch.arange(image.shape[2 + axis], device=image.device)
            < size[:, axis, None]
            for axis in (0, 1)
        )
        inside = rows[:, None, :, None] & columns[:, None, None, :]
        return self.model.extract_feat(torch.where(inside, self.normalise(image), 0.0))

    def candidates(
        self, feats: Sequence[Tensor], size: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return boxes, (N, P, 4), scores and labels, (N, P), before the last NMS.

        Args:
            feats: The levels of the pyramid.
            size: The heights and widths of the images, (N, 2).
        """
        if self.roi_head is None:
            boxes, scores, labels, _ = _decode(
                self.model.bbox_head, feats, self.model.test_cfg, size
            )
            return boxes, scores, labels
        proposals, weights = self.propose(feats, size)
        return self.classify(feats, proposals, weights > 0, size)

    def propose(self, feats: Sequence[Tensor], size: Tensor) -> tuple[Tensor, Tensor]:
        """Return the proposals of the RPN, (N, M, 4), and their scores, (N, M)."""
        cfg = self.model.test_cfg.rpn
        boxes, scores, _, levels = _decode(self.model.rpn_head, feats, cfg, size)
        kept = suppress(boxes, scores, levels, cfg.nms.iou_threshold)
        scores, at = best(torch.where(kept, scores, 0.0), cfg.max_per_img)
        return take(boxes, at), scores

    def classify(
        self, feats: Sequence[Tensor], boxes: Tensor, valid: Tensor, size: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Refine proposals, (N, M, 4), to a box, a score and a label for each class.

        Args:
            feats: The levels of the pyramid.
            boxes: The proposals.
            valid: Which of them there are, (N, M).
            size: The heights and widths of the images, (N, 2).

        Returns:
            As ``candidates``, with P = M * K.
        """
        logits, stages = [], _stages(self.roi_head, 'bbox')
        for number, (extractor, head) in enumerate(stages, start=1):
            scores, moves = head(pool(extractor, feats, boxes))
            logits.append(scores)
            moves = moves.unflatten(1, (-1, 4))
            if number < len(stages) and not head.reg_class_agnostic:
                moves = take(moves, scores[:, :-1].argmax(dim=1, keepdim=True))
            rows = boxes.flatten(0, 1).repeat_interleave(moves.shape[1], dim=0)
            found = head.bbox_coder.decode(rows, moves.flatten(0, 1))
            boxes = clip(found.unflatten(0, (boxes.shape[0], -1)), size)
        scores = torch.stack(logits).mean(dim=0).softmax(dim=-1)[:, :-1]
        scores = torch.where(valid[..., None], scores.unflatten(0, valid.shape), 0.0)
        classes = scores.shape[2]
        if head.reg_class_agnostic:
            boxes = boxes.repeat_interleave(classes, dim=1)
        labels = torch.arange(classes, device=boxes.device).repeat(valid.shape[1])
        return boxes, scores.flatten(1), labels.expand(boxes.shape[0], -1)

    def _masks(self, feats: Sequence[Tensor], boxes: Tensor, labels: Tensor) -> Tensor:
        stages = []
        for extractor, head in _stages(self.roi_head, 'mask'):
            masks = head(pool(extractor, feats, boxes)).sigmoid()
            index = labels.reshape(-1, 1)
            if head.class_agnostic:
                index = torch.zeros_like(index)
            stages.append(take(masks, index)[:, 0])
        return torch.stack(stages).mean(dim=0).unflatten(0, labels.shape)


def _check(model: Any) -> None:
    roi_head = getattr(model, 'roi_head', None)
    if roi_head is None:
        parts = [(getattr(model, 'bbox_head', None), BaseDenseHead)]
        cfgs = [model.test_cfg]
    else:
        parts, cfgs = [(model.rpn_head, RPNHead)], [*model.test_cfg.values()]
        for kind, stock in (('bbox', BBoxHead), ('mask', FCNMaskHead)):
            parts += [(head, stock) for _, head in _stages(roi_head, kind)]
    for head, stock in parts:
        _check_head(head, stock)
    for cfg in cfgs:
        _check_test(cfg)


def _check_head(head: Any, stock: Any) -> None:
    # not of a subclass that selects or activates in a way of its own
    chosen = getattr(type(head), '_predict_by_feat_single', None)
    loss = getattr(head, 'loss_cls', None)
    own = any(
        getattr(loss, f'custom_{it}', False) for it in ('cls_channels', 'activation')
    )
    if chosen is not stock._predict_by_feat_single or own:
        raise ValueError(
            f'{type(head).__name__} cannot be exported: it selects objects in a way of '
            'its own'
        )


def _check_test(cfg: Any) -> None:
    if cfg.nms.get('type', 'nms') != 'nms' or cfg.nms.get('class_agnostic'):
        raise ValueError(
            f'test_cfg has nms={dict(cfg.nms)}, which cannot be exported: expected '
            'type="nms", by class'
        )
    if cfg.get('min_bbox_size', 0) > 0:
        raise ValueError(
            f'test_cfg has min_bbox_size={cfg.min_bbox_size}, which cannot be '
            'exported: expected 0'
        )


def _decode(
    head: Any, feats: Sequence[Tensor], cfg: Any, size: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    # boxes (N, P, 4), scores, labels and levels (N, P) of a dense head
    outputs = head(feats)
    priors = head.prior_generator.grid_priors(
        [maps.shape[-2:] for maps in outputs[0]],
        dtype=size.dtype,
        device=size.device,
    )
    found = []
    for level, (prior, *maps) in enumerate(zip(priors, *outputs, strict=True)):
        logits, moves, *factors = (it.permute(0, 2, 3, 1).flatten(1) for it in maps)
        logits = logits.unflatten(1, (-1, head.cls_out_channels))
        scores = (
            logits.sigmoid() if head.use_sigmoid_cls else logits.softmax(-1)[..., :-1]
        )
        classes = scores.shape[2]
        scores = torch.where(scores > cfg.get('score_thr', 0), scores, 0.0)
        scores, at = best(scores.flatten(1), cfg.get('nms_pre', -1))
        anchor = at // classes
        for factor in factors:  # centerness
            scores = scores * take(factor.sigmoid(), anchor)
        moves = take(moves.unflatten(1, (-1, 4)), anchor)
        boxes = head.bbox_coder.decode(prior[anchor.flatten()], moves.flatten(0, 1))
        boxes = clip(boxes.unflatten(0, anchor.shape), size)
        is_box = (boxes[..., 2:] > boxes[..., :2]).all(dim=-1)
        scores = torch.where(is_box, scores, 0.0)
        found.append((boxes, scores, at % classes, torch.full_like(at, level)))
    boxes, scores, labels, levels = (
        torch.cat(it, 1) for it in zip(*found, strict=True)
    )
    return boxes, scores, labels, levels


def _stages(roi_head: Any, kind: str) -> list[tuple[Any, Any]]:
    # pairs of an extractor and a head; several of Cascade R-CNN, none without masks
    if not getattr(roi_head, f'with_{kind}'):
        return []
    parts = (
        getattr(roi_head, f'{kind}_roi_extractor'),
        getattr(roi_head, f'{kind}_head'),
    )
    if not isinstance(parts[1], nn.ModuleList):
        return [parts]
    return [*zip(*parts, strict=True)]


def best(scores: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """Return the highest scores of each row, (N, P), in order, and their indices.

    Args:
        scores: (N, P).
        number: How many, at most; all if it is not positive.
    """
    count = scores.shape[1]
    return scores.topk(torch.sym_min(number, count) if number > 0 else count)


def take(values: Tensor, at: Tensor) -> Tensor:
    """Return the values, (N, P, ...), at the indices (N, Q) of axis 1."""
    index = at.reshape(*at.shape, *[1] * (values.dim() - 2))
    return values.gather(1, index.expand(-1, -1, *values.shape[2:]))


def clip(boxes: Tensor, size: Tensor) -> Tensor:
    """Clip boxes, (N, P, 4), to the heights and widths of their images, (N, 2)."""
    corners = boxes.unflatten(2, (2, 2)).clamp(min=0)
    return torch.minimum(corners, size.flip(1)[:, None, None]).flatten(2)


def suppress(
    boxes: Tensor, scores: Tensor, groups: Tensor, threshold: float, least: float = 0.0
) -> Tensor:
    """Return which boxes non-maximum suppression keeps, (N, P), bool.

    Args:
        boxes: (N, P, 4).
        scores: (N, P); boxes whose score is not above ``least`` are dropped.
        groups: (N, P), integers. Boxes suppress others of their image and group only.
        threshold: The IoU above which the box with the lower score is dropped.
        least: See ``scores``.
    """
    # as in MMCV, groups are moved apart, so that they do not overlap
    images = torch.arange(boxes.shape[0], device=boxes.device)[:, None]
    groups = (groups + images * (groups.max() + 1)).flatten()
    apart = boxes.flatten(0, 1) + (groups * (boxes.max() + 1))[:, None]
    scores = scores.flatten()
    chosen = (scores > least).nonzero()[:, 0]
    kept = chosen[nms(apart[chosen], scores[chosen], threshold)]
    is_kept = torch.zeros_like(scores).scatter(0, kept, 1.0)
    return is_kept.reshape(boxes.shape[:2]) > 0


def pool(extractor: Any, feats: Sequence[Tensor], boxes: Tensor) -> Tensor:
    """Pool each box from the level for its size.

    Args:
        extractor: A ``SingleRoIExtractor`` of MMDetection.
        feats: The levels of the pyramid.
        boxes: (N, P, 4).

    Returns:
        (N * P, C, h, w).
    """
    images = torch.arange(boxes.shape[0], device=boxes.device).to(boxes.dtype)
    images = images[:, None, None].expand(-1, boxes.shape[1], 1)
    rois = torch.cat([images, boxes], dim=2).flatten(0, 1)
    levels = extractor.map_roi_levels(rois, extractor.num_inputs)
    pooled = []
    for level, (layer, maps) in enumerate(
        zip(extractor.roi_layers, feats, strict=False)
    ):
        chosen = rois[(levels == level).nonzero()[:, 0]]
        options = (layer.spatial_scale, layer.sampling_ratio, layer.aligned)
        pooled.append(roi_align(maps, chosen, layer.output_size, *options))
    # back to the order of the boxes; the keys are unique, as sorting may be unstable
    keys = levels * levels.shape[0] + torch.arange(
        levels.shape[0], device=levels.device
    )
    return torch.cat(pooled)[keys.argsort().argsort()]
