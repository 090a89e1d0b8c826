"""HRNet-W40: the widths of its streams, and its weights."""

C = 40
widths = [C, 2 * C, 4 * C, 8 * C]
arch = 'w40'

imagenet = dict(type='hrnet_mm.Pretrained', checkpoint='hrnet://w40/imagenet')
