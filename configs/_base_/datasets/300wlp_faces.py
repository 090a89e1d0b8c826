"""300W-LP, 68 face landmarks in large poses.

    FACES_300WLP/annotations/face_landmarks_300wlp_{train,valid}.json  MMPose's documentation
    FACES_300WLP/{train,val}/*.jpg
        http://www.cbsr.ia.ac.cn/users/xiangyuzhu/projects/3DDFA

FACES_300WLP is data/300wlp, or the folder in the environment variable FACES_300WLP.
"""

_base_ = ['landmarks.py']

data_root = '{{$FACES_300WLP:data/300wlp}}'
dataset_type = 'Face300WLPDataset'  # MMPoseInferencer chooses its detector by this
data = dict(type='hrnet_mm.Faces300WLP', data_root=data_root)
codec = dict(sigma=1.5)

train_dataloader = dict(
    dataset=dict(
        data,
        ann_file='annotations/face_landmarks_300wlp_train.json',
        data_prefix=dict(img='train/'),
    )
)
val_dataloader = dict(
    dataset=dict(
        data,
        ann_file='annotations/face_landmarks_300wlp_valid.json',
        data_prefix=dict(img='val/'),
    )
)
test_dataloader = val_dataloader

# the outer corners of the eyes, as for 300W: MMPose's NME knows no default for 300W-LP
val_evaluator = dict(keypoint_indices=[36, 45])
test_evaluator = val_evaluator
