"""Animal pose: augmentation; ap10k_animals.py and others name the data. Size and codec: codecs/."""

_base_ = ['crops.py']

turn = dict(type='hrnet_mm.RandomBBoxTransform')
augment = [*_base_.prepare, _base_.mirror, dict(type='RandomHalfBody'), turn]
