"""HRNet-W18: the widths of its streams, and its weights."""

C = 18
widths = [C, 2 * C, 4 * C, 8 * C]
arch = 'w18'

imagenet = dict(type='hrnet_mm.Pretrained', checkpoint='hrnet://w18/imagenet')
