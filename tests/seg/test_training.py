"""The stock runner of mmsegmentation trains, is killed, goes on, and tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip('mmseg')

from jobs import Job, score_of

ROOT = Path(__file__).resolve().parents[2]


def test_ocr_trains_tests_and_shows_what_it_sees(
    few_people, write_config, tmp_path, mim, run_python
):
    config = write_config(
        'tiny/hrnetv2-ocr_w18_small_v1_tiny-seg.py',
        'train_cfg = dict(max_epochs=1)\ntrain_dataloader = dict(batch_size=4)\n',
    )
    job = Job(tmp_path / 'work')
    people = dict(TINY_PEOPLE=str(few_people))
    done = mim('train', 'mmseg', config, '--work-dir', job.work_dir, **people)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (checkpoint,) = job.work_dir.glob('best_mIoU_epoch_1.pth')

    score_of('mIoU', mim, 'mmseg', config, checkpoint, '--tta', **people)
    show(config, checkpoint, tmp_path / 'sheet.png', run_python, **people)


def show(config: Path, checkpoint: Path, sheet: Path, run_python, **env: str) -> None:
    """`hrnet-mm show` draws a picture that can be looked at."""
    done = run_python(
        '-c', 'from hrnet_mm.cli import main; main()', 'show', str(config),
        str(checkpoint), '--output', str(sheet), '--rows', '2', **env,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert str(sheet) in done.stdout
    assert min(Image.open(sheet).size) > 200
