"""What the classification runner trained begins training in another."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip('mmpretrain')

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / 'configs/tiny'
CLASSIFIER = TINY / 'hrnetc_w18_small_v1_tiny-cls.py'
DETECTOR = TINY / 'mask-rcnn_hrnetv2p_w18_small_v1_tiny-det.py'
ONE_EPOCH = ('train_cfg.max_epochs=1', 'train_dataloader.batch_size=4')


def begins_with(checkpoint: Path) -> tuple[str, str]:
    """The options of a job whose trunk begins with a checkpoint."""
    init_cfg = 'model.backbone.init_cfg'
    return f'{init_cfg}.type=hrnet_mm.Pretrained', f'{init_cfg}.checkpoint={checkpoint}'


@pytest.mark.slow
def test_a_trained_classifier_initialises_a_detector(tmp_path, few_people, mim):
    pytest.importorskip('mmdet')
    env = dict(TINY_PEOPLE=str(few_people))

    def train(library, config, *options):
        done = mim(
            'train', library, config, '--work-dir', tmp_path / library,
            '--cfg-options', *ONE_EPOCH, *options, **env,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    code, said = train('mmpretrain', CLASSIFIER)
    assert code == 0, said[-3000:]
    checkpoint = tmp_path / 'mmpretrain/epoch_1.pth'
    wanted = begins_with(checkpoint)

    code, said = train('mmdet', DETECTOR, *wanted)
    assert code == 0, said[-3000:]
    (report,) = {s for s in said.splitlines() if f'{checkpoint}: trunk' in s}
    assert 'ignored: head (2), neck (' in report
