"""300W, 68 face landmarks.

    FACES_300W/annotations/{face_landmarks_300w_train,face_landmarks_300w_valid}.json  MMPose's documentation
    FACES_300W/images/  https://ibug.doc.ic.ac.uk/resources/300-W

FACES_300W is data/300w, or the folder in the environment variable FACES_300W.
"""

_base_ = ['landmarks.py']

data_root = '{{$FACES_300W:data/300w}}'
dataset_type = 'Face300WDataset'  # MMPoseInferencer chooses its detector by this
data = dict(
    type='hrnet_mm.Faces300W', data_root=data_root, data_prefix=dict(img='images/')
)
codec = dict(sigma=1.5)

train_dataloader = dict(
    dataset=dict(
        data,
        ann_file='annotations/face_landmarks_300w_train.json',
    )
)
val_dataloader = dict(
    dataset=dict(data, ann_file='annotations/face_landmarks_300w_valid.json')
)
test_dataloader = val_dataloader
