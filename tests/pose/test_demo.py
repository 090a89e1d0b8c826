"""`make demo` learns, and its score means that it learned."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip('mmpose')

from jobs import predict
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs/pose/hrnet_w18_small_v1_tiny-pose.py'
CLI = ('-c', 'from hrnet_mm.cli import main; main()')


@pytest.mark.slow
def test_the_demo_learns_pose_and_shows_it(tmp_path, tiny_people, run_python):
    done = run_python(*CLI, 'demo', '--data', str(tiny_people), cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    output = tmp_path / 'outputs/demo'
    result = json.loads((output / 'result.json').read_text())
    assert result['AP'] >= 0.8
    assert (tmp_path / result['checkpoint']).is_file()
    for name in ('learning_curve.png', 'predictions.png'):
        assert name in done.stdout
        assert min(Image.open(output / name).size) > 500
    assert result['go_on'] in done.stdout
    assert 'epoch 2 of 6, validation AP' in done.stdout  # no terminal, no bar
    assert score_of_few_steps(result['go_on'], tmp_path) > 0.5  # 0.0 from scratch
    checkpoint = tmp_path / result['checkpoint']
    predicted = score_of_predictions(checkpoint, tiny_people, tmp_path, run_python)
    assert predicted == pytest.approx(result['AP'], abs=1e-3)


def score_of_predictions(
    checkpoint: Path, people: Path, folder: Path, run_python
) -> float:
    """AP of what `hrnet-mm predict` writes, by pycocotools."""
    truth = people / 'annotations/test.json'
    predict(
        run_python, CONFIG, checkpoint, people / 'images/test', '--boxes', truth,
        '--output', folder / 'out', TINY_PEOPLE=str(people),
    )  # fmt: skip
    coco = COCO(str(truth))
    scored = COCOeval(
        coco, coco.loadRes(str(folder / 'out/predictions.json')), 'keypoints'
    )
    scored.evaluate()
    scored.accumulate()
    scored.summarize()
    return scored.stats[0]


def score_of_few_steps(command: str, cwd: Path) -> float:
    """AP after a few steps of a `mim train` command, typed into a shell as it is."""
    path = f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}'
    done = subprocess.run(
        f'{command} train_cfg.max_epochs=1 train_dataloader.dataset.indices=160',
        shell=True,
        cwd=cwd,
        env={**os.environ, 'PATH': path, 'CUDA_VISIBLE_DEVICES': ''},
        capture_output=True,
        text=True,
    )
    scores = re.findall(r'coco/AP: (\S+)', done.stdout + done.stderr)
    assert scores, done.stderr[-3000:]
    return float(scores[-1])


@pytest.mark.jobs
def test_a_failing_step_says_why(tmp_path):
    from rich.console import Console

    from hrnet_mm.pose import demo

    console = Console(quiet=True)
    with (
        demo._progress_bar(console) as bar,
        pytest.raises(
            demo.DemoError,
            match=r'(?s)mim train.*failed:\n\nFileNotFound.*hrnet-mm tiny-p',
        ),
    ):
        demo._train(str(CONFIG), tmp_path, tmp_path / 'no_data', bar)
