"""The networks of the official repositories in plain torch, by the names of their code.

Written from the facts of parity.md (names, layers, interpolation), small by default,
and independent of the package: what it loads is compared with these.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv(i: int, o: int, k: int, stride: int = 1, bias: bool = False) -> nn.Conv2d:
    return nn.Conv2d(i, o, k, stride, k // 2, bias=bias)


def conv_norm(i: int, o: int, k: int, stride: int = 1, relu: bool = False):
    return nn.Sequential(conv(i, o, k, stride), nn.BatchNorm2d(o), *[nn.ReLU()] * relu)


class Block(nn.Module):
    """A residual block of 3x3 convolutions, or a bottleneck."""

    def __init__(self, i: int, width: int, kernels: tuple[int, ...]) -> None:
        super().__init__()
        self.depth = len(kernels)
        o = width * 4 if self.depth == 3 else width
        widths = [i, *[width] * (self.depth - 1), o]
        for n, k in enumerate(kernels, start=1):
            self.add_module(f'conv{n}', conv(widths[n - 1], widths[n], k))
            self.add_module(f'bn{n}', nn.BatchNorm2d(widths[n]))
        if i != o:
            self.downsample = conv_norm(i, o, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for n in range(1, self.depth + 1):
            y = getattr(self, f'bn{n}')(getattr(self, f'conv{n}')(y))
            y = y.relu() if n < self.depth else y
        return (y + (self.downsample(x) if hasattr(self, 'downsample') else x)).relu()


BASIC, BOTTLENECK = (3, 3), (1, 3, 1)


class Module(nn.Module):
    """Branches and what the official code calls fuse layers."""

    def __init__(self, widths: list[int], blocks: int, outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(Block(c, c, BASIC) for _ in range(blocks))) for c in widths
        )
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(self.path(widths, j, i) for j in range(len(widths)))
            for i in range(outputs)
        )

    @staticmethod
    def path(widths: list[int], j: int, i: int) -> nn.Module | None:
        if j > i:
            return conv_norm(widths[j], widths[i], 1)
        if j == i:
            return None
        steps = [conv_norm(widths[j], widths[j], 3, 2, True) for _ in range(i - j - 1)]
        return nn.Sequential(*steps, conv_norm(widths[j], widths[i], 3, 2))

    def forward(self, xs: list[Tensor], upsample: dict) -> list[Tensor]:
        xs = [branch(x) for branch, x in zip(self.branches, xs, strict=True)]
        outputs = []
        for i, paths in enumerate(self.fuse_layers):
            y = 0
            for j, path in enumerate(paths):
                z = xs[j] if path is None else path(xs[j])
                if j > i:
                    z = F.interpolate(z, size=xs[i].shape[-2:], **upsample)
                y = y + z
            outputs.append(y.relu())
        return outputs


class Trunk(nn.Module):
    """Stem, layer1, transitions and stages; small-v1's structure by default."""

    def __init__(
        self,
        width: int = 16,
        outputs: int = 4,
        upsample: dict | None = None,
        modules: tuple[int, ...] = (1, 1, 1),
        blocks: int = 2,
        stem: tuple[int, int] = (1, 32),
    ) -> None:
        super().__init__()
        self.upsample = upsample or dict(mode='nearest')
        self.widths = [width * 2**b for b in range(4)]
        self.conv1, self.bn1 = conv(3, 64, 3, 2), nn.BatchNorm2d(64)
        self.conv2, self.bn2 = conv(64, 64, 3, 2), nn.BatchNorm2d(64)
        n, c = stem
        inputs = [64] + [4 * c] * (n - 1)
        self.layer1 = nn.Sequential(*(Block(i, c, BOTTLENECK) for i in inputs))
        before = [4 * c]
        for s, repeats in enumerate(modules, start=2):
            after = self.widths[:s]
            opened = nn.Sequential(conv_norm(before[-1], after[-1], 3, 2, True))
            kept = [
                None if a == b else conv_norm(a, b, 3, relu=True)
                for a, b in zip(before, after, strict=False)
            ]
            self.add_module(f'transition{s - 1}', nn.ModuleList([*kept, opened]))
            last = outputs if s == 4 else s
            counts = [s] * (repeats - 1) + [last]
            stage = nn.Sequential(*(Module(after, blocks, o) for o in counts))
            self.add_module(f'stage{s}', stage)
            before = after

    def streams(self, x: Tensor) -> list[Tensor]:
        x = self.bn1(self.conv1(x)).relu()
        xs = [self.layer1(self.bn2(self.conv2(x)).relu())]
        for s in (2, 3, 4):
            paths = getattr(self, f'transition{s - 1}')
            there = [*xs, xs[-1]]
            xs = [
                y if path is None else path(y)
                for path, y in zip(paths, there, strict=True)
            ]
            for module in getattr(self, f'stage{s}'):
                xs = module(xs, self.upsample)
        return xs

    def concatenated(self, x: Tensor) -> Tensor:
        first, *others = self.streams(x)
        corners = self.upsample.get('align_corners', False)
        size = first.shape[-2:]
        others = [
            F.interpolate(y, size, mode='bilinear', align_corners=corners)
            for y in others
        ]
        return torch.cat([first, *others], dim=1)


def bilinear(align_corners: bool) -> dict:
    return dict(mode='bilinear', align_corners=align_corners)


class Pose(Trunk):
    """deep-high-resolution-net.pytorch, lib/models/pose_hrnet.py."""

    def __init__(self, joints: int = 17, **kwargs) -> None:
        super().__init__(outputs=1, **kwargs)
        self.final_layer = conv(self.widths[0], joints, 1, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.final_layer(self.streams(x)[0])


class HigherHRNet(Trunk):
    """HigherHRNet-Human-Pose-Estimation, lib/models/pose_higher_hrnet.py."""

    def __init__(self, joints: int = 17, **kwargs) -> None:
        super().__init__(outputs=1, **kwargs)
        c = self.widths[0]
        self.final_layers = nn.ModuleList(
            [conv(c, 2 * joints, 1, bias=True), conv(c, joints, 1, bias=True)]
        )
        up = nn.ConvTranspose2d(c + 2 * joints, c, 4, 2, 1, bias=False)
        up = nn.Sequential(up, nn.BatchNorm2d(c), nn.ReLU())
        blocks = [nn.Sequential(Block(c, c, BASIC)) for _ in range(4)]
        self.deconv_layers = nn.ModuleList([nn.Sequential(up, *blocks)])

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.streams(x)[0]
        first = self.final_layers[0](x)
        x = self.deconv_layers[0](torch.cat([x, first], 1))
        return [first, self.final_layers[1](x)]


def two_convs(c: int, outputs: int) -> nn.Sequential:
    """The head on all streams, of landmarks and segmentation."""
    first, last = conv(c, c, 1, bias=True), conv(c, outputs, 1, bias=True)
    return nn.Sequential(first, nn.BatchNorm2d(c), nn.ReLU(), last)


class Landmarks(Trunk):
    """HRNet-Facial-Landmark-Detection, lib/models/hrnet.py."""

    def __init__(self, landmarks: int = 19, **kwargs) -> None:
        super().__init__(upsample=bilinear(False), **kwargs)
        c = sum(self.widths)
        self.head = two_convs(c, landmarks)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.concatenated(x))


class Segmentation(Trunk):
    """HRNet-Semantic-Segmentation, lib/models/seg_hrnet.py."""

    def __init__(self, classes: int = 19, align_corners: bool = False, **kwargs):
        super().__init__(upsample=bilinear(align_corners), **kwargs)
        c = sum(self.widths)
        self.last_layer = two_convs(c, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.last_layer(self.concatenated(x))


def norm_relu(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())


class ObjectContext(nn.Module):
    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()

        def two() -> nn.Sequential:
            first, second = conv(channels, inner, 1), conv(inner, inner, 1)
            return nn.Sequential(first, norm_relu(inner), second, norm_relu(inner))

        self.f_pixel, self.f_object = two(), two()
        self.f_down = nn.Sequential(conv(channels, inner, 1), norm_relu(inner))
        self.f_up = nn.Sequential(conv(inner, channels, 1), norm_relu(channels))

    def forward(self, x: Tensor, objects: Tensor) -> Tensor:
        query = self.f_pixel(x).flatten(2).transpose(1, 2)
        key = self.f_object(objects).flatten(2)
        value = self.f_down(objects).flatten(2).transpose(1, 2)
        similarity = (query @ key * key.shape[1] ** -0.5).softmax(-1)
        context = (similarity @ value).transpose(1, 2)
        return self.f_up(context.reshape(len(x), -1, *x.shape[-2:]))


class Distribution(nn.Module):
    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.object_context_block = ObjectContext(channels, inner)
        self.conv_bn_dropout = nn.Sequential(
            conv(2 * channels, channels, 1), norm_relu(channels), nn.Dropout2d(0.05)
        )

    def forward(self, x: Tensor, objects: Tensor) -> Tensor:
        context = self.object_context_block(x, objects)
        return self.conv_bn_dropout(torch.cat([context, x], 1))


class OCR(Trunk):
    """HRNet-Semantic-Segmentation, branch HRNet-OCR, lib/models/seg_hrnet_ocr.py."""

    def __init__(self, classes: int = 19, mid: int = 512, key: int = 256, **kwargs):
        super().__init__(upsample=bilinear(True), **kwargs)
        c = sum(self.widths)
        self.conv3x3_ocr = nn.Sequential(
            conv(c, mid, 3, bias=True), nn.BatchNorm2d(mid), nn.ReLU()
        )
        self.ocr_distri_head = Distribution(mid, key)
        self.cls_head = conv(mid, classes, 1, bias=True)
        self.aux_head = two_convs(c, classes)

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.concatenated(x)
        aux = self.aux_head(x)
        x = self.conv3x3_ocr(x)
        regions = aux.flatten(2).softmax(2)
        objects = (x.flatten(2) @ regions.transpose(1, 2)).unsqueeze(3)
        return [aux, self.cls_head(self.ocr_distri_head(x, objects))]


class Classifier(Trunk):
    """HRNet-Image-Classification, lib/models/cls_hrnet.py; timm has the same names."""

    def __init__(self, classes: int = 1000, head_bias: bool = True, **kwargs) -> None:
        super().__init__(**kwargs)

        def step(i: int, o: int, k: int, stride: int) -> nn.Sequential:
            return nn.Sequential(
                conv(i, o, k, stride, head_bias), nn.BatchNorm2d(o), nn.ReLU()
            )

        planes = [32, 64, 128, 256]
        self.incre_modules = nn.ModuleList(
            nn.Sequential(Block(c, p, BOTTLENECK))
            for c, p in zip(self.widths, planes, strict=True)
        )
        self.downsamp_modules = nn.ModuleList(
            step(4 * p, 8 * p, 3, 2) for p in planes[:-1]
        )
        self.final_layer = step(1024, 2048, 1, 1)
        self.classifier = nn.Linear(2048, classes)

    def features(self, x: Tensor) -> Tensor:
        xs = self.streams(x)
        y = self.incre_modules[0](xs[0])
        for i, down in enumerate(self.downsamp_modules, start=1):
            y = self.incre_modules[i](xs[i]) + down(y)
        return self.final_layer(y)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean((2, 3)))


class _Conv(nn.Conv2d):
    """detectron2's convolution: its norm is a child, and a bias replaces it."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        dilation: int = 1,
        groups: int = 1,
        norm: bool = True,
        relu: bool = True,
    ) -> None:
        padding = kernel // 2 * dilation
        super().__init__(
            inputs, outputs, kernel, 1, padding, dilation, groups, bias=not norm
        )
        self.norm = nn.BatchNorm2d(outputs) if norm else None
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        x = super().forward(x)
        x = x if self.norm is None else self.norm(x)
        return x.relu() if self.relu else x


class _Separable(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int = 1):
        super().__init__()
        self.depthwise = _Conv(inputs, inputs, kernel, dilation, groups=inputs)
        self.pointwise = _Conv(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise(self.depthwise(x))


def _pair(inputs: int, middle: int, outputs: int, separable: bool) -> nn.Module:
    if separable:
        return _Separable(inputs, outputs, 5)
    return nn.Sequential(_Conv(inputs, middle, 3), _Conv(middle, outputs, 3))


def _resize(x: Tensor, size: torch.Size) -> Tensor:
    return F.interpolate(x, size, **bilinear(False))


class _ASPP(nn.Module):
    def __init__(self, inputs: int, separable: bool) -> None:
        super().__init__()
        kind = _Separable if separable else _Conv
        pool = nn.AvgPool2d((2, 3), stride=1)
        self.convs = nn.ModuleList(
            [
                _Conv(inputs, 256),
                *(kind(inputs, 256, 3, dilation) for dilation in (3, 6, 9)),
                nn.Sequential(pool, _Conv(inputs, 256, norm=False)),
            ]
        )
        self.project = _Conv(1280, 256)

    def forward(self, x: Tensor) -> Tensor:
        parts = [_resize(conv(x), x.shape[-2:]) for conv in self.convs]
        return self.project(torch.cat(parts, dim=1))


class _DeepLabBranch(nn.Module):
    """``DeepLabV3PlusHead`` of detectron2's projects/DeepLab, as a decoder."""

    def __init__(self, width: int, channels: int, separable: bool) -> None:
        super().__init__()
        aspp = _ASPP(8 * width, separable)
        self.decoder = nn.ModuleDict(dict(res5=nn.ModuleDict(dict(project_conv=aspp))))
        below = 256
        for i, projected in ((2, 128), (1, 64), (0, 32)):
            stage = dict(
                project_conv=_Conv(width << i, projected),
                fuse_conv=_pair(projected + below, channels, channels, separable),
            )
            self.decoder[f'res{i + 2}'] = nn.ModuleDict(stage)
            below = channels

    def decode(self, streams: list[Tensor]) -> Tensor:
        y = self.decoder['res5']['project_conv'](streams[3])
        for i in (2, 1, 0):
            stage = self.decoder[f'res{i + 2}']
            x = stage['project_conv'](streams[i])
            y = stage['fuse_conv'](torch.cat([x, _resize(y, x.shape[-2:])], dim=1))
        return y


class PanopticDeepLab(nn.Module):
    """detectron2's projects/Panoptic-DeepLab on HRNet-W18-small-v1."""

    def __init__(self, classes: int, separable: bool) -> None:
        super().__init__()
        self.register_buffer('pixel_mean', torch.zeros(3, 1, 1))
        self.register_buffer('pixel_std', torch.ones(3, 1, 1))
        self.backbone = Trunk()
        last = dict(norm=False, relu=False)
        semantic = self.sem_seg_head = _DeepLabBranch(16, 256, separable)
        semantic.head = _pair(256, 256, 256, separable)
        semantic.predictor = _Conv(256, classes, **last)
        instance = self.ins_embed_head = _DeepLabBranch(16, 128, separable)
        instance.center_head = _pair(128, 128, 32, separable=False)
        instance.center_predictor = _Conv(32, 1, **last)
        instance.offset_head = _pair(128, 128, 32, separable)
        instance.offset_predictor = _Conv(32, 2, **last)

    def heads(self, streams: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, centres and offsets, four times as large as the first stream."""
        semantic, instance = self.sem_seg_head, self.ins_embed_head
        logits = semantic.predictor(semantic.head(semantic.decode(streams)))
        x = instance.decode(streams)
        centre = instance.center_predictor(instance.center_head(x))
        offset = instance.offset_predictor(instance.offset_head(x))
        size = [4 * n for n in logits.shape[-2:]]
        large = [_resize(it, size) for it in (logits, centre, offset)]
        return large[0], large[1], large[2] * 4
