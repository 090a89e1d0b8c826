"""Depth estimation on the HRNetV2 representation, for MMSegmentation's runner.

Depths are in metres; 0 means that a pixel has no measured depth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseTTAModel
from mmengine.structures import PixelData
from mmseg.models import segmentors as stock
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from hrnet_mm.registry import MODELS

from .binary import list_losses

NO_DEPTH = 0  # of pixels without a measurement, and of padding
NO_TRUTH = (
    "no depth map: add dict(type='hrnet_mm.LoadDepth') to the pipeline of the data set"
)


@MODELS.register_module()
class DepthHead(BaseDecodeHead):
    """1x1 convolution, norm, ReLU, 1x1 convolution and sigmoid, times ``max_depth``.

    The layers are those of ``HRNetV2Head``, but the last one has the name
    ``conv_depth``, so that a checkpoint tells what it predicts.

    Args:
        in_channels: Channels of the representation, 15C, and of the first convolution.
        max_depth: The largest depth that can be predicted, in metres.
        dropout_ratio: Probability of dropping a channel before the last convolution.
        loss_decode: Config of one or several losses, which are called with the
            predicted and the true depth, (N, 1, H, W).
        kwargs: Arguments of MMSegmentation's heads: ``norm_cfg``, ``align_corners`` ...

    Raises:
        ValueError: If ``max_depth`` is not positive.
    """

    def __init__(
        self,
        in_channels: int,
        max_depth: float,
        *,
        dropout_ratio: float = 0.0,
        loss_decode: Any = dict(type='hrnet_mm.SiLogLoss'),
        **kwargs: Any,
    ) -> None:
        if not max_depth > 0:
            raise ValueError(
                f'max_depth={max_depth} of DepthHead must be positive: set the largest '
                'depth of the data in metres, such as 10 for rooms and 80 for streets'
            )
        super().__init__(
            in_channels,
            in_channels,
            num_classes=1,
            threshold=0.5,  # unused; without one the host warns
            dropout_ratio=dropout_ratio,
            loss_decode=loss_decode,
            ignore_index=NO_DEPTH,  # for CheckClassesHook
            init_cfg=dict(type='Normal', std=0.01, override=dict(name='conv_depth')),
            **kwargs,
        )
        self.max_depth = max_depth
        self.conv_depth = self.conv_seg
        del self.conv_seg
        conv = ConvModule(
            in_channels,
            in_channels,
            1,
            conv_cfg=self.conv_cfg,
            norm_cfg=self.norm_cfg,
            act_cfg=self.act_cfg,
        )
        self.convs = nn.Sequential(conv)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Map a tuple with one tensor, (N, 15C, H, W), to depths, (N, 1, H, W)."""
        features = self.convs(self._transform_inputs(inputs))
        if self.dropout is not None:
            features = self.dropout(features)
        return self.max_depth * self.conv_depth(features).sigmoid()

    def loss_by_feat(
        self, seg_logits: Tensor, batch_data_samples: Sequence[SegDataSample]
    ) -> dict[str, Tensor]:
        """Return the losses by their names.

        Args:
            seg_logits: The predicted depths, (N, 1, h, w).
            batch_data_samples: N samples with ``gt_depth_map``, (1, H, W).

        Raises:
            ValueError: If a sample has no depth map.
        """
        if not all('gt_depth_map' in it for it in batch_data_samples):
            raise ValueError(f'a training sample has {NO_TRUTH}')
        truth = torch.stack([it.gt_depth_map.data for it in batch_data_samples])
        depth = F.interpolate(
            seg_logits,
            truth.shape[2:],
            mode='bilinear',
            align_corners=self.align_corners,
        )
        losses: dict[str, Tensor] = {}
        for loss in list_losses(self):
            name, value = str(loss.loss_name), loss(depth, truth)
            losses[name] = losses[name] + value if name in losses else value
        return losses


@MODELS.register_module()
class SiLogLoss(nn.Module):
    """Scale-invariant logarithmic error (https://arxiv.org/abs/1406.2283, section 3.2).

    The square root of ``mean(d^2) - mean(d)^2 / 2`` over the pixels with a depth, where
    d is the difference of the logarithms; the mean over the images. Equal to
    MMSegmentation's loss, but images without any depth do not count, and their
    gradients, as those of a perfect image, are 0 instead of NaN.

    Args:
        loss_weight: Weight of this loss in the total loss.
        eps: The smallest depth in metres; a pixel of at most this depth has none.
        loss_name: Name of this loss in the log.
    """

    def __init__(
        self,
        loss_weight: float = 1.0,
        eps: float = 1e-6,
        loss_name: str = 'loss_silog',
    ) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.eps = eps
        self.loss_name = loss_name

    def forward(self, depth: Tensor, truth: Tensor) -> Tensor:
        """Return the loss, a scalar; 0 if no pixel has a depth.

        Args:
            depth: The predicted depths, (N, 1, H, W), in metres.
            truth: The true depths, (N, 1, H, W).
        """
        depth, truth = depth.float().flatten(1), truth.float().flatten(1)
        measured = truth > self.eps
        logs = [it.clamp(min=self.eps).log() for it in (truth, depth)]
        difference = (logs[0] - logs[1]) * measured
        count = measured.sum(dim=1).clamp(min=1)
        mean = difference.sum(dim=1) / count
        squared = difference.square().sum(dim=1) / count - mean.square() / 2
        # the root of 0 has no gradient
        tiny = torch.finfo(squared.dtype).tiny
        losses = squared.clamp(min=tiny).sqrt() * measured.any(dim=1)
        images = measured.any(dim=1).sum().clamp(min=1)
        return self.loss_weight * losses.sum() / images


@MODELS.register_module()
class DepthEstimator(stock.DepthEstimator):
    """MMSegmentation's ``DepthEstimator`` that keeps the result of a sliding window.

    The stock one computes all windows if ``test_cfg.mode='slide'``, and then returns
    the prediction for the whole image.
    """

    def inference(
        self, inputs: Tensor, batch_img_metas: list[Mapping[str, Any]]
    ) -> Tensor:
        """Map images, (N, C, H, W), to depths, (N, 1, H, W)."""
        if self.test_cfg.get('mode') == 'slide':
            return self.slide_inference(inputs, batch_img_metas)
        return super().inference(inputs, batch_img_metas)


@MODELS.register_module()
class DepthTTAModel(BaseTTAModel):
    """Test-time augmentation of depth: the mean of the depths of all views.

    MMSegmentation's ``SegTTAModel`` averages class scores, which depth has not.
    """

    def merge_preds(
        self, data_samples_list: list[list[SegDataSample]]
    ) -> list[SegDataSample]:
        """Return the first view of each image, with the mean as its prediction."""
        for views in data_samples_list:
            depths = torch.stack([view.pred_depth_map.data for view in views])
            views[0].pred_depth_map = PixelData(data=depths.mean(dim=0))
        return [views[0] for views in data_samples_list]
