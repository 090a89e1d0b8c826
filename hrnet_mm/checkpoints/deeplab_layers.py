"""Layers of Panoptic-DeepLab in detectron2, and ours.

``projects/DeepLab/deeplab/semantic_seg.py`` and ``projects/Panoptic-DeepLab`` of
detectron2, with the trunk of ``tools_d2`` of bowenc0221/panoptic-deeplab.
"""

from __future__ import annotations

STREAMS = ('res2', 'res3', 'res4')  # at 1/4, 1/8 and 1/16; ASPP is on res5


def deeplab_layers() -> dict[str, str]:
    """Return our name of each layer of detectron2, for both kinds of convolutions."""
    return {
        **_decoder('sem_seg_head.decoder', 'semantic_head.decoder'),
        **_block('sem_seg_head.head', 'semantic_head.head'),
        'sem_seg_head.predictor': 'semantic_head.predictor',
        **_decoder('ins_embed_head.decoder', 'instance_head.decoder'),
        **_block('ins_embed_head.center_head', 'instance_head.centre_head'),
        'ins_embed_head.center_predictor': 'instance_head.centre_predictor',
        **_block('ins_embed_head.offset_head', 'instance_head.offset_head'),
        'ins_embed_head.offset_predictor': 'instance_head.offset_predictor',
    }


def _decoder(theirs: str, ours: str) -> dict[str, str]:
    aspp, our_aspp = f'{theirs}.res5.project_conv', f'{ours}.aspp'
    layers = {
        f'{aspp}.convs.4.1': f'{our_aspp}.pooled.conv',  # after nn.AvgPool2d
        **_conv(f'{aspp}.convs.{{i}}', f'{our_aspp}.convs.{{i}}'),
        **_separable(f'{aspp}.convs.{{i}}', f'{our_aspp}.convs.{{i}}'),
        **_conv(f'{aspp}.project', f'{our_aspp}.project'),
    }
    for i, stream in enumerate(STREAMS):
        stage = f'{theirs}.{stream}'
        layers |= _conv(f'{stage}.project_conv', f'{ours}.projections.{i}')
        layers |= _block(f'{stage}.fuse_conv', f'{ours}.fusions.{i}')
    return layers


def _block(theirs: str, ours: str) -> dict[str, str]:
    # one separable convolution, or two plain ones
    return {
        **_separable(theirs, ours),
        **_conv(f'{theirs}.{{i}}', f'{ours}.{{i}}'),
    }


def _separable(theirs: str, ours: str) -> dict[str, str]:
    return {
        **_conv(f'{theirs}.depthwise', f'{ours}.depthwise_conv'),
        **_conv(f'{theirs}.pointwise', f'{ours}.pointwise_conv'),
    }


def _conv(theirs: str, ours: str) -> dict[str, str]:
    return {theirs: f'{ours}.conv', f'{theirs}.norm': f'{ours}.bn'}
