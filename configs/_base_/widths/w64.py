"""HRNet-W64: the widths of its streams, and its weights."""

C = 64
widths = [C, 2 * C, 4 * C, 8 * C]
arch = 'w64'

imagenet = dict(type='hrnet_mm.Pretrained', checkpoint='hrnet://w64/imagenet')
