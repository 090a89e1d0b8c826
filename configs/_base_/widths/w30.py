"""HRNet-W30: the widths of its streams, and its weights."""

C = 30
widths = [C, 2 * C, 4 * C, 8 * C]
arch = 'w30'

imagenet = dict(type='hrnet_mm.Pretrained', checkpoint='hrnet://w30/imagenet')
