"""Bottom-up pose on the HRNetV1 representation.

HigherHRNet (https://arxiv.org/abs/1908.10357), under the parameter names of its
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
from mmpose.models.heads.base_head import BaseHead
from mmpose.registry import KEYPOINT_CODECS
from torch import Tensor, nn

from hrnet_mm.checkpoints.tensor_conversion import rename_final_layer
from hrnet_mm.models.layers import BasicBlock, Layers
from hrnet_mm.registry import MODELS

Config = dict[str, Any]
Features = Sequence[Tensor]

TEST_OPTIONS = {'flip_test', 'multiscale_test', 'output_heatmaps'}


@MODELS.register_module()
class HigherHRNetHead(BaseHead):
    """Heatmaps at 1/4 and higher resolutions, and tags at 1/4 (paper, section 3).

    Each deconvolution doubles the resolution of what the last heatmaps were read off,
    and further ones are read off its result; without any, it is the baseline of the
    paper: HRNet with associative embedding.

    Args:
        in_channels: Of stream 0, C.
        num_keypoints: Joints of a person, K.
        tag_dim: Numbers in a tag, L.
        deconv_channels: The width of each deconvolution.
        num_blocks: Residual blocks after each of them.
        cat_output: Whether a deconvolution sees the maps read off before it.
        norm_cfg: As for the trunk.
        keypoint_loss: Of heatmaps with masks.
        tag_loss: Of tags.
        decoder: A codec, ``hrnet_mm.AssociativeEmbedding``.
        init_cfg: Of mmengine.

    Raises:
        ValueError: if a number of channels, joints or tags is below 1.
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
                    f'HigherHRNetHead({name}={value}): must be 1 or more. Without tags '
                    'joints cannot be told apart by people; for one person use a '
                    'HeatmapHead'
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
            deconvs.append(make_deconv(wide, channels, num_blocks, layers))
            width, outputs = channels, num_keypoints
            final.append(nn.Conv2d(width, outputs, 1))
        self.final_layers = nn.ModuleList(final)
        self.deconv_layers = nn.ModuleList(deconvs)
        self.keypoint_loss = MODELS.build(keypoint_loss or dict(type=KEYPOINT_LOSS))
        self.tag_loss = MODELS.build(tag_loss or dict(type=TAG_LOSS))
        self.decoder = None if decoder is None else KEYPOINT_CODECS.build(decoder)
        # public only since torch 2.5
        self._register_load_state_dict_pre_hook(take_layer_of_mmpose)

    @property
    def default_init_cfg(self) -> list[Config]:
        """That of the official code."""
        convs = ['Conv2d', 'ConvTranspose2d']
        return [
            dict(type='Normal', layer=convs, std=0.001),
            dict(type='Constant', layer='BatchNorm2d', val=1),
        ]

    def forward(self, feats: Features) -> list[Tensor]:
        """Stream 0, (B, C, H, W), of the streams -> what is read off each resolution.

        (B, K + L * K, H, W): heatmaps and tags, then (B, K, 2H, 2W) and so on.
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
        """Compute the losses of heatmaps at each resolution, of tags at the first.

        Raises:
            ValueError: if the data have other joints, or other resolutions.
        """
        outputs = self(feats)
        joints = self.num_keypoints
        fields = [sample.gt_fields for sample in batch_data_samples]
        self._check([maps.shape for maps in fields[0].heatmaps], outputs)
        losses = {}
        for level, output in enumerate(outputs):
            target, mask = (
                torch.stack([field.get(name)[level] for field in fields])
                for name in ('heatmaps', 'heatmap_mask')
            )
            heat = output[:, :joints].float()
            name = f'loss_heatmap_{level}'
            losses[name] = self.keypoint_loss(heat, target, None, mask.float())
        pull, push = self.tag_loss(
            outputs[0][:, joints:],
            [s.gt_instance_labels.keypoint_indices for s in batch_data_samples],
        )
        return losses | dict(loss_pull=pull, loss_push=push)

    def _check(self, given: list[torch.Size], outputs: list[Tensor]) -> None:
        sizes = [(self.num_keypoints, *output.shape[2:]) for output in outputs]
        if [*map(tuple, given)] != sizes:
            raise ValueError(
                f'HigherHRNetHead(num_keypoints={self.num_keypoints}) outputs '
                f'heatmaps (K, H, W) of {sizes}, and the data set and its codec give '
                f'{[*map(tuple, given)]}: set num_keypoints to the joints of the data '
                'set, and heatmap_sizes of the codec to 1/4 of the image, 1/2 ...'
            )

    def predict(
        self, feats: Any, batch_data_samples: list[Any], test_cfg: Config | None = None
    ) -> list[InstanceData] | tuple[list[InstanceData], list[PixelData]]:
        """The people of each image, and the boxes of their joints, in its pixels.

        Args:
            feats: Of the image, (image, flipped image) with ``flip_test``, and a list
                of those by scale with ``multiscale_test``.
            batch_data_samples: With ``batch_input_shape`` and ``flip_indices``.
            test_cfg: ``flip_test``, ``multiscale_test``; ``output_heatmaps`` for what
                people were grouped from: heatmaps, (K, H, W), and tags, (L * K, H, W).

        Raises:
            ValueError: if there are other options, or there is no decoder.
        """
        cfg = dict(test_cfg or {})
        if unknown := set(cfg) - TEST_OPTIONS:
            raise ValueError(
                f'test_cfg of HigherHRNetHead has {", ".join(sorted(unknown))}; it '
                f'knows {", ".join(sorted(TEST_OPTIONS))}'
            )
        if self.decoder is None:
            raise ValueError(
                'HigherHRNetHead has no decoder: give it the codec of the data, '
                'head=dict(decoder=_base_.codec)'
            )
        info = batch_data_samples[0].metainfo
        scales = feats if cfg.get('multiscale_test') else [feats]
        flip = info['flip_indices'] if cfg.get('flip_test') else None
        heatmaps, tags = self.aggregate(scales, info['batch_input_shape'], flip)
        people = [
            InstanceData(
                keypoints=joints,
                keypoint_scores=heat,
                bbox_scores=scores,
                # inferencers tell the score of what has a box alone
                bboxes=np.hstack([joints.min(axis=1), joints.max(axis=1)]),
            )
            for joints, heat, scores in zip(
                *self.decoder.batch_decode(heatmaps, tags), strict=True
            )
        ]
        if not cfg.get('output_heatmaps'):
            return people
        return people, [
            PixelData(heatmaps=heat, tags=tag.flatten(0, 1))
            for heat, tag in zip(heatmaps, tags, strict=True)
        ]

    def aggregate(
        self, scales: Sequence[Any], size: Sequence[int], flip: Sequence[int] | None
    ) -> tuple[Tensor, Tensor]:
        """Mean heat over resolutions, views and scales; tags of the first scale.

        lib/core/inference.py of the official code.

        Args:
            scales: Features of an image, or of it and its mirror image.
            size: Height and width of the image.
            flip: The joint on the other side of each; None without mirror images.

        Returns:
            Heatmaps, (B, K, H, W), and tags, (B, L, K, H, W): one for each view.
        """
        joints = self.num_keypoints
        if flip is not None and len(flip) != joints:
            raise ValueError(
                f'HigherHRNetHead(num_keypoints={joints}), and the data set has '
                f'{len(flip)} joints: set num_keypoints to that'
            )
        heatmaps, tags = [], []
        for number, scale in enumerate(scales):
            views = [scale] if flip is None else scale
            for view, feats in enumerate(views):
                outputs = [*self(feats)]
                largest = outputs[-1].shape[2:]
                outputs[:-1] = [resized(output, largest) for output in outputs[:-1]]
                heat = torch.stack([o[:, :joints] for o in outputs]).mean(dim=0)
                tag = outputs[0][:, joints:].unflatten(1, (self.tag_dim, joints))
                if view:
                    heat, tag = heat.flip(-1)[:, flip], tag.flip(-1)[:, :, flip]
                heatmaps.append(resized(heat, size))
                if number == 0:
                    tags.append(resized(tag.flatten(1, 2), size))
        tag = torch.cat(tags, dim=1).unflatten(1, (-1, joints))
        return torch.stack(heatmaps).mean(dim=0), tag


def take_layer_of_mmpose(
    state_dict: dict[str, Tensor], prefix: str, *args: Any
) -> None:
    """Files of mmpose's head of one resolution load as they are."""
    for name in [n for n in state_dict if n.startswith(prefix)]:
        state_dict[rename_final_layer(name)] = state_dict.pop(name)


KEYPOINT_LOSS = 'mmpose.KeypointMSELoss'
TAG_LOSS = 'hrnet_mm.AssociativeEmbeddingLoss'


def make_deconv(
    in_channels: int, channels: int, num_blocks: int, layers: Layers
) -> nn.Sequential:
    """Twice the resolution, and residual blocks."""
    up = nn.ConvTranspose2d(in_channels, channels, 4, stride=2, padding=1, bias=False)
    _, norm = build_norm_layer(layers.norm_cfg, channels)
    blocks = [
        nn.Sequential(BasicBlock(channels, channels, layers)) for _ in range(num_blocks)
    ]
    return nn.Sequential(nn.Sequential(up, norm, nn.ReLU(inplace=True)), *blocks)


def resized(x: Tensor, size: Sequence[int]) -> Tensor:
    """(B, C, H, W) -> (B, C, *size), bilinear."""
    if tuple(x.shape[2:]) == tuple(size):
        return x
    return F.interpolate(x, size=tuple(size), mode='bilinear', align_corners=False)
