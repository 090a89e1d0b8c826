"""Real samples of pose recipes, in the folder of the fixture ``real_data``."""

from __future__ import annotations

# leaf, folder and annotations of the images, MMPose's data set and its keypoints
ANIMALS_AND_HANDS = [
    ('hrnet_w32_ap10k-256x256', 'ap10k', 'test_ap10k', 'AP10KDataset', 17),
    (
        'hrnet_w32_animalpose-256x256',
        'animalpose',
        'test_animalpose',
        'AnimalPoseDataset',
        20,
    ),
    (
        'hrnet_w32_animalkingdom-P1-256x256',
        'ak',
        'test_animalkingdom',
        'AnimalKingdomDataset',
        23,
    ),
    (
        'hrnet_w32_horse10-split1-256x256',
        'horse10',
        'test_horse10',
        'Horse10Dataset',
        22,
    ),
    ('hrnet_w32_atrw-256x256', 'atrw', 'test_atrw', 'ATRWDataset', 15),
    ('hrnet_w32_macaque-256x192', 'macaque', 'test_macaque', 'MacaqueDataset', 17),
    (
        'hrnetv2_w18_onehand10k-256x256_udp',
        'onehand10k',
        'test_onehand10k',
        'OneHand10KDataset',
        21,
    ),
    ('hrnetv2_w18_rhd2d-256x256_dark', 'rhd', 'test_rhd', 'Rhd2DDataset', 21),
    (
        'hrnetv2_w18_panoptic-hand2d-256x256',
        'panoptic',
        'test_panoptic',
        'PanopticHand2DDataset',
        21,
    ),
    (
        'hrnetv2_w18_coco-wholebody-hand-256x256',
        'coco',
        'annotations/test_coco_wholebody',
        'CocoWholeBodyHandDataset',
        21,
    ),
]
COCO = dict(data_root='coco', data_prefix=dict(img='val2017/'))
WHOLE = dict(COCO, ann_file='annotations/test_coco_wholebody.json')
# leaf, where its sample is, and the score of the leaf
BODIES = {
    'hrnet_w32_coco-wholebody-256x192': (WHOLE, 'coco-wholebody/AP'),
    'hrnetv2_w18_coco-wholebody-face-256x256': (WHOLE, 'NME'),
    'hrnet_w48_halpe-384x288_dark': (
        dict(COCO, ann_file='../halpe/test_halpe.json'),
        'coco/AP',
    ),
    'hrnet_w32_coco-256x192_udp-regress': (
        dict(COCO, ann_file='annotations/person_keypoints_tiny.json'),
        'coco/AP',
    ),
    'hrnet_w32_aic-256x192': (
        dict(data_root='aic', ann_file='test_aic.json', data_prefix=dict(img='')),
        'coco/AP',
    ),
    'hrnet_w32_posetrack18-256x192': (
        dict(
            data_root='posetrack18',
            ann_file='annotations/test_posetrack18_val.json',
            data_prefix=dict(img=''),
        ),
        'posetrack18/AP',
    ),
    'hrnetv2_w18_300wlp-256x256': (
        dict(data_root='300wlp', ann_file='test_300wlp.json', data_prefix=dict(img='')),
        'NME',
    ),
}
