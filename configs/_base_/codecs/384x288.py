"""Crops of 384x288, Gaussian heatmaps of a quarter of it."""

codec = dict(type='MSRAHeatmap', input_size=(288, 384), heatmap_size=(72, 96), sigma=3)
affine = dict(type='TopdownAffine', input_size=codec['input_size'])
pack = dict(type='PackPoseInputs')
# what a pipeline ends with, in training and in tests
encode = [affine, dict(type='hrnet_mm.PackTopdown')]
crop = [affine, pack]
