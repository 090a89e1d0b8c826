"""Crops of 256x192, Gaussian heatmaps of a quarter of it."""

codec = dict(type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2)
affine = dict(type='TopdownAffine', input_size=codec['input_size'])
pack = dict(type='PackPoseInputs')
# what a pipeline ends with, in training and in tests
encode = [affine, dict(type='hrnet_mm.PackTopdown')]
crop = [affine, pack]
