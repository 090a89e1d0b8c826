"""The stock runner trains, tests and visualizes face landmarks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('mmpose')

from jobs import Job, predict, show

from hrnet_mm.pose import TinyHeads

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / 'configs/pose/hrnetv2_w18_small_v1_tiny-heads.py'


def test_heads_are_those_that_show_all_landmarks(few_people):
    folder = dict(data_root=str(few_people), ann_file='annotations/train.json')
    heads = TinyHeads(**folder, data_prefix=dict(img='images/train/'))
    assert 5 < len(heads) < 25  # of 20 images
    for i in range(len(heads)):
        head = heads.get_data_info(i)
        assert head['keypoints'].shape == (1, 5, 2)
        assert (head['keypoints_visible'] == 1).all()
        ((left, top, right, bottom),) = head['bbox']
        middle = head['keypoints'][0].mean(axis=0)
        assert left < middle[0] < right
        assert top < middle[1] < bottom
    assert heads.metainfo['flip_indices'] == [0, 2, 1, 4, 3]


@pytest.mark.slow
def test_heads_are_learned_in_minutes(tiny_people, tmp_path, mim, run_python):
    """After two of the eight epochs of the config."""
    job, where = Job(tmp_path / 'work'), dict(TINY_PEOPLE=str(tiny_people))
    done = mim(
        'train', 'mmpose', TINY, '--work-dir', job.work_dir,
        '--cfg-options', 'train_cfg.max_epochs=2', 'train_cfg.val_interval=2',
        'default_hooks.checkpoint.interval=2', **where,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert job.scores('NME')[-1] <= 0.1
    checkpoint = job.work_dir / 'epoch_2.pth'
    show(TINY, checkpoint, tmp_path / 'sheet.png', run_python, **where)
    found = error_of_predictions(checkpoint, tiny_people, tmp_path, run_python)
    assert found == pytest.approx(job.scores('NME')[-1], rel=1e-3)


def error_of_predictions(
    checkpoint: Path, people: Path, folder: Path, run_python
) -> float:
    """NME of what `hrnet-mm predict` writes for the boxes of the heads."""
    annotations = people / 'annotations/val.json'
    heads = TinyHeads(
        data_root=str(people),
        ann_file='annotations/val.json',
        data_prefix=dict(img='images/val/'),
    )
    truth = [heads.get_data_info(i) for i in range(len(heads))]
    boxes = [
        dict(image_id=it['img_id'], bbox=[*box[:2], *(box[2:] - box[:2])], score=1)
        for it in truth
        for box in it['bbox'].astype(float)
    ]
    (folder / 'boxes.json').write_text(json.dumps(boxes))
    predict(
        run_python, TINY, checkpoint, people / 'images/val',
        '--boxes', folder / 'boxes.json', '--image-ids', annotations,
        '--no-pictures', '--output', folder / 'out', TINY_PEOPLE=str(people),
    )  # fmt: skip
    results = json.loads((folder / 'out/predictions.json').read_text())
    right = np.concatenate([it['keypoints'] for it in truth])
    found = np.array([it['keypoints'] for it in results]).reshape(len(right), 5, 3)
    assert [it['image_id'] for it in results] == [it['img_id'] for it in truth]
    distances = np.linalg.norm(found[..., :2] - right, axis=-1)
    between_ears = np.linalg.norm(right[:, 3] - right[:, 4], axis=-1, keepdims=True)
    return float((distances / between_ears).mean())


@pytest.mark.parametrize(
    ('faces', 'landmarks'), [('wflw', 98), ('300w', 68), ('cofw', 29)]
)
def test_a_step_on_real_faces(faces, landmarks, real_faces):
    from mmengine.config import Config
    from mmengine.dataset import pseudo_collate
    from mmpose.registry import DATASETS, MODELS
    from mmpose.utils import register_all_modules

    register_all_modules()
    cfg = Config.fromfile(ROOT / f'configs/pose/hrnetv2_w18_{faces}-256x256.py')
    name = f'test_{faces}.json'
    where = dict(ann_file=name, data_root=str(real_faces / faces))
    where['data_prefix'] = dict(img='')
    samples = DATASETS.build({**cfg.train_dataloader.dataset, **where})
    batch = pseudo_collate([samples[0], samples[1]])
    cfg.model.backbone.update(arch='w18_small_v1', init_cfg=None)
    cfg.model.head.in_channels = 240
    model = MODELS.build(cfg.model)
    data = model.data_preprocessor(batch, training=True)
    losses = model(**data, mode='loss')
    assert losses['loss_kpt'].isfinite()
    heatmaps = data['data_samples'][0].gt_fields.heatmaps
    assert heatmaps.shape == (landmarks, 64, 64)
