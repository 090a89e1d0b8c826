"""Human-Art and COCO, 17 keypoints: people in art and photographs.

    HUMANART/HumanArt/annotations/{training_humanart_coco,validation_humanart}.json
    HUMANART/HumanArt/images/...             https://idea-research.github.io/HumanArt
    HUMANART/HumanArt/person_detection_results/
        HumanArt_validation_detections_AP_H_56_person.json    MMPose's documentation
    HUMANART/coco/train2017/*.jpg                                    cocodataset.org

HUMANART is data, or the folder in the environment variable HUMANART: it holds the
folders of both data sets.
"""

_base_ = ['coco_pose.py']

data_root = '{{$HUMANART:data}}'
dataset_type = 'HumanArtDataset'  # MMPoseInferencer chooses its detector by this
data = dict(type='hrnet_mm.HumanArt', data_root=data_root, data_prefix=dict(img=''))

train_dataloader = dict(
    dataset=dict(data, ann_file='HumanArt/annotations/training_humanart_coco.json')
)
val_dataloader = dict(
    dataset=dict(
        data,
        ann_file='HumanArt/annotations/validation_humanart.json',
        bbox_file=f'{data_root}/HumanArt/person_detection_results/'
        'HumanArt_validation_detections_AP_H_56_person.json',
    )
)
test_dataloader = val_dataloader

val_evaluator = dict(
    ann_file=f'{data_root}/HumanArt/annotations/validation_humanart.json'
)
test_evaluator = val_evaluator
