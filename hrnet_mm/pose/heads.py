"""Heads: of heatmaps for top-down pose, and of HigherHRNet for bottom-up pose.

State-dict keys of HigherHRNet (https://arxiv.org/abs/1908.10357) are those of the
official code (HigherHRNet-Human-Pose-Estimation, lib/models/pose_higher_hrnet.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.structures import InstanceData, PixelData
from mmpose.models.heads import HeatmapHead as StockHeatmapHead
from mmpose.models.heads.base_head import BaseHead
from mmpose.registry import KEYPOINT_CODECS
from torch import Tensor, nn

from hrnet_mm.checkpoints.tensor_conversion import rename_final_layer
from hrnet_mm.models.layers import BasicBlock, Layers
from hrnet_mm.registry import MODELS

from . import heatmaps

Config = dict[str, Any]
Features = Sequence[Tensor]

TEST_OPTIONS = {'flip_test', 'multiscale_test', 'output_heatmaps'}


@MODELS.register_module()
class HeatmapHead(StockHeatmapHead):
    """MMPose's ``HeatmapHead``, which also encodes keypoints as heatmaps in training.

    It draws the heatmaps of a batch at once on the device, with the codec in
    ``decoder``, for samples of ``hrnet_mm.PackTopdown``. Samples with the heatmaps of
    ``GenerateTarget`` keep them.
    """

    def loss(
        self, feats: Features, batch_data_samples: Sequence[Any], train_cfg: Any = None
    ) -> dict[str, Tensor]:
        """Compute the loss, and the accuracy unless ``compute_acc=False``.

        Args:
            feats: The feature maps of the trunk or neck.
            batch_data_samples: Samples, each with one instance.
            train_cfg: Options of MMPose's head.

        Raises:
            ValueError: If a sample has neither heatmaps nor keypoints, or no heatmaps
                and the codec in ``decoder`` is
                neither ``MSRAHeatmap`` nor ``UDPHeatmap`` of Gaussians.
        """
        bare = [it for it in batch_data_samples if 'gt_fields' not in it]
        if bare:
            labels = [sample.gt_instance_labels for sample in bare]
            if not all('transformed_keypoints' in it for it in labels):
                raise ValueError(
                    'the samples have neither heatmaps nor keypoints for '
                    'hrnet_mm.HeatmapHead: end the training pipeline with '
                    'hrnet_mm.PackTopdown, or add dict(type="GenerateTarget", '
                    'encoder=CODEC) before the transform that packs'
                )
            targets = heatmaps.encode(
                self.decoder,
                torch.cat([it.transformed_keypoints[..., :2] for it in labels]),
                torch.cat([it.keypoint_weights for it in labels]),
            )
            for sample, maps, weights in zip(bare, *targets, strict=True):
                sample.gt_fields = PixelData(heatmaps=maps)
                sample.gt_instance_labels.keypoint_weights = weights[None]
        return super().loss(feats, batch_data_samples, train_cfg or {})


@MODELS.register_module()
class HigherHRNetHead(BaseHead):
    """Head that predicts heatmaps at 1/4 and higher resolutions, and tags at 1/4.

    Each deconvolution doubles the resolution of the features, and a 1x1 convolution
    predicts heatmaps from them (paper, section 3). Without deconvolutions, this is the
    baseline of the paper: HRNet with associative embedding.

    Args:
        in_channels: Channels of stream 0, C.
        num_keypoints: Number of keypoints, K.
        tag_dim: Length of a tag, L.
        deconv_channels: Output channels of each deconvolution.
        num_blocks: Number of residual blocks after each deconvolution.
        cat_output: Whether to concatenate the previous heatmaps and tags to the input
            of each deconvolution.
        norm_cfg: Norm layers of the deconvolutions and blocks; the default is BN.
        keypoint_loss: Loss of the heatmaps, which takes a mask.
        tag_loss: Loss of the tags.
        decoder: Codec that decodes the predictions, ``hrnet_mm.AssociativeEmbedding``.
        init_cfg: Initialization, as for mmengine's ``BaseModule``.

    Raises:
        ValueError: If ``in_channels``, ``num_keypoints`` or ``tag_dim`` is below 1.
    """

    def __init__(
        self,
        in_channels: int,
        num_keypoints: int,
        *,
        tag_dim: int = 1,
        deconv_channels: Sequence[int] = (32,),
        num_blocks: int = 4,
        cat_output: bool = True,
        norm_cfg: Config | None = None,
        keypoint_loss: Config | None = None,
        tag_loss: Config | None = None,
        decoder: Config | None = None,
        init_cfg: Config | None = None,
    ) -> None:
        given = dict(
            in_channels=in_channels, num_keypoints=num_keypoints, tag_dim=tag_dim
        )
        for name, value in given.items():
            if value < 1:
                raise ValueError(
                    f'HigherHRNetHead({name}={value}): {name} must be 1 or more. '
                    'Keypoints cannot be grouped without tags; for a single instance '
                    'use mmpose.HeatmapHead'
                )
        super().__init__(init_cfg or self.default_init_cfg)
        self.num_keypoints = num_keypoints
        self.tag_dim = tag_dim
        self.cat_output = cat_output
        layers = Layers(None, norm_cfg or dict(type='BN'), {}, with_cp=False)
        outputs = num_keypoints * (1 + tag_dim)
        final = [nn.Conv2d(in_channels, outputs, 1)]
        deconvs = []
        width = in_channels
        for channels in deconv_channels:
            wide = width + outputs if cat_output else width
            deconvs.append(_make_deconv(wide, channels, num_blocks, layers))
            width, outputs = channels, num_keypoints
            final.append(nn.Conv2d(width, outputs, 1))
        self.final_layers = nn.ModuleList(final)
        self.deconv_layers = nn.ModuleList(deconvs)
        self.keypoint_loss = MODELS.build(keypoint_loss or dict(type=KEYPOINT_LOSS))
        self.tag_loss = MODELS.build(tag_loss or dict(type=TAG_LOSS))
        self.decoder = None if decoder is None else KEYPOINT_CODECS.build(decoder)
        # the public method exists since torch 2.5
        self._register_load_state_dict_pre_hook(_rename_mmpose_keys)

    @property
    def default_init_cfg(self) -> list[Config]:
        """Return the initialization of the official code."""
        convs = ['Conv2d', 'ConvTranspose2d']
        return [
            dict(type='Normal', layer=convs, std=0.001),
            dict(type='Constant', layer='BatchNorm2d', val=1),
        ]

    def forward(self, feats: Features) -> list[Tensor]:
        """Predict heatmaps and tags.

        Args:
            feats: Streams of the trunk; only the first, (B, C, H, W), is used.

        Returns:
            Heatmaps and tags, (B, K + L * K, H, W), then the heatmaps of each
            deconvolution: (B, K, 2H, 2W), (B, K, 4H, 4W) and so on.
        """
        x = feats[0]
        outputs = [self.final_layers[0](x)]
        for deconv, final in zip(
            self.deconv_layers, self.final_layers[1:], strict=True
        ):
            x = deconv(torch.cat([x, outputs[-1]], dim=1) if self.cat_output else x)
            outputs.append(final(x))
        return outputs

    def loss(
        self, feats: Features, batch_data_samples: list[Any], train_cfg: Any = None
    ) -> dict[str, Tensor]:
        """Compute the heatmap losses of each resolution, and the pull and push losses.

        Raises:
            ValueError: If the number of keypoints or the resolutions of the data differ
                from those of the head.
        """
        outputs = self(feats)
        num_keypoints = self.num_keypoints
        fields = [sample.gt_fields for sample in batch_data_samples]
        self._check([maps.shape for maps in fields[0].heatmaps], outputs)
        losses = {}
        for level, output in enumerate(outputs):
            target, mask = (
                torch.stack([field.get(name)[level] for field in fields])
                for name in ('heatmaps', 'heatmap_mask')
            )
            heat = output[:, :num_keypoints].float()
            name = f'loss_heatmap_{level}'
            losses[name] = self.keypoint_loss(heat, target, None, mask.float())
        pull, push = self.tag_loss(
            outputs[0][:, num_keypoints:],
            [s.gt_instance_labels.keypoint_indices for s in batch_data_samples],
        )
        return losses | dict(loss_pull=pull, loss_push=push)

    def _check(self, given: list[torch.Size], outputs: list[Tensor]) -> None:
        sizes = [(self.num_keypoints, *output.shape[2:]) for output in outputs]
        if [*map(tuple, given)] != sizes:
            raise ValueError(
                f'HigherHRNetHead(num_keypoints={self.num_keypoints}) outputs '
                f'heatmaps (K, H, W) of {sizes}, but the data set and its codec have '
                f'{[*map(tuple, given)]}: set num_keypoints to the keypoints of the '
                'data set, and heatmap_sizes of the codec to 1/4 of the image size, '
                '1/2 ...'
            )

    def predict(
        self, feats: Any, batch_data_samples: list[Any], test_cfg: Config | None = None
    ) -> list[InstanceData] | tuple[list[InstanceData], list[PixelData]]:
        """Predict the instances of each image, in pixels of the input image.

        Args:
            feats: Streams of the images; with ``flip_test`` a tuple of the streams of
                the images and of the flipped images; with ``multiscale_test`` a list of
                these, one for each scale.
            batch_data_samples: Samples with ``batch_input_shape`` and ``flip_indices``.
            test_cfg: Any of ``flip_test``, ``multiscale_test`` and ``output_heatmaps``.

        Returns:
            For each image, instances with ``keypoints``, ``keypoint_scores``,
            ``bboxes`` around the keypoints and ``bbox_scores``. With
            ``output_heatmaps``, also the ``heatmaps``, (K, H, W), and ``tags``,
            (L * K, H, W), that the instances were decoded from.

        Raises:
            ValueError: If ``test_cfg`` has an unknown option, or the head has no
                decoder.
        """
        cfg = dict(test_cfg or {})
        if unknown := set(cfg) - TEST_OPTIONS:
            raise ValueError(
                'test_cfg of HigherHRNetHead has unknown options: '
                f'{", ".join(sorted(unknown))}. Valid options are '
                f'{", ".join(sorted(TEST_OPTIONS))}'
            )
        if self.decoder is None:
            raise ValueError(
                'HigherHRNetHead has no decoder: set it to the codec of the data set, '
                'head=dict(decoder=_base_.codec)'
            )
        info = batch_data_samples[0].metainfo
        scales = feats if cfg.get('multiscale_test') else [feats]
        flip = info['flip_indices'] if cfg.get('flip_test') else None
        heatmaps, tags = self.aggregate(scales, info['batch_input_shape'], flip)
        instances = [
            InstanceData(
                keypoints=keypoints,
                keypoint_scores=heat,
                bbox_scores=scores,
                # inferencers return the scores of instances with boxes only
                bboxes=np.hstack([keypoints.min(axis=1), keypoints.max(axis=1)]),
            )
            for keypoints, heat, scores in zip(
                *self.decoder.batch_decode(heatmaps, tags), strict=True
            )
        ]
        if not cfg.get('output_heatmaps'):
            return instances
        return instances, [
            PixelData(heatmaps=heat, tags=tag.flatten(0, 1))
            for heat, tag in zip(heatmaps, tags, strict=True)
        ]

    def aggregate(
        self, scales: Sequence[Any], size: Sequence[int], flip: Sequence[int] | None
    ) -> tuple[Tensor, Tensor]:
        """Average heatmaps over resolutions, flips and scales; concatenate tags.

        Tags are those of the first scale, as in the official code
        (lib/core/inference.py).

        Args:
            scales: For each scale, the streams of the images; with ``flip``, a tuple of
                the streams of the images and of the flipped images.
            size: Height and width of the input images.
            flip: ``flip_indices`` of the data set for a flip test, else None.

        Returns:
            Heatmaps, (B, K, H, W), and tags, (B, L, K, H, W), or (B, 2L, K, H, W) with
            a flip test.
        """
        num_keypoints = self.num_keypoints
        if flip is not None and len(flip) != num_keypoints:
            raise ValueError(
                f'HigherHRNetHead(num_keypoints={num_keypoints}) does not match the '
                f'data set, which has {len(flip)} keypoints: set num_keypoints to '
                f'{len(flip)}'
            )
        heatmaps, tags = [], []
        for index, scale in enumerate(scales):
            views = [scale] if flip is None else scale
            for is_flipped, feats in enumerate(views):
                outputs = [*self(feats)]
                largest = outputs[-1].shape[2:]
                outputs[:-1] = [_resize(output, largest) for output in outputs[:-1]]
                heat = torch.stack([o[:, :num_keypoints] for o in outputs]).mean(dim=0)
                tag = outputs[0][:, num_keypoints:]
                tag = tag.unflatten(1, (self.tag_dim, num_keypoints))
                if is_flipped:
                    heat, tag = heat.flip(-1)[:, flip], tag.flip(-1)[:, :, flip]
                heatmaps.append(_resize(heat, size))
                if index == 0:
                    tags.append(_resize(tag.flatten(1, 2), size))
        tag = torch.cat(tags, dim=1).unflatten(1, (-1, num_keypoints))
        return torch.stack(heatmaps).mean(dim=0), tag


def _rename_mmpose_keys(state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
    # loads checkpoints of mmpose's head, which has one resolution
    for name in [n for n in state_dict if n.startswith(prefix)]:
        state_dict[rename_final_layer(name)] = state_dict.pop(name)


KEYPOINT_LOSS = 'mmpose.KeypointMSELoss'
TAG_LOSS = 'hrnet_mm.AssociativeEmbeddingLoss'


def _make_deconv(
    in_channels: int, channels: int, num_blocks: int, layers: Layers
) -> nn.Sequential:
    up = nn.ConvTranspose2d(in_channels, channels, 4, stride=2, padding=1, bias=False)
    _, norm = build_norm_layer(layers.norm_cfg, channels)
    blocks = [
        nn.Sequential(BasicBlock(channels, channels, layers)) for _ in range(num_blocks)
    ]
    return nn.Sequential(nn.Sequential(up, norm, nn.ReLU(inplace=True)), *blocks)


def _resize(x: Tensor, size: Sequence[int]) -> Tensor:
    if tuple(x.shape[2:]) == tuple(size):
        return x
    return F.interpolate(x, size=tuple(size), mode='bilinear', align_corners=False)
