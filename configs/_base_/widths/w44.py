"""HRNet-W44: the widths of its streams, and its weights."""

C = 44
widths = [C, 2 * C, 4 * C, 8 * C]
arch = 'w44'

imagenet = dict(type='hrnet_mm.Pretrained', checkpoint='hrnet://w44/imagenet')
