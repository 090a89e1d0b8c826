"""What the docs say about TensorBoard, Weights & Biases and MLflow, and about options
of mmengine: each line of docs/training.md works with our configs.
"""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch
from jobs import Job
from mmengine.config import Config
from mmengine.visualization import Visualizer

import hrnet_mm  # noqa: F401  registers the backend
from hrnet_mm.checkpoints.safe_load import load

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / 'docs/training.md').read_text()
TINY = 'pose/hrnet_w18_small_v1_tiny-pose.py'
# names of the four libraries that services may not like
SCALARS = {'loss': 0.5, 'lr': 0.1, 'coco/AP (M)': 0.25, 'coco/AP .5': 0.75}
NEEDED = 'run `uv pip install tensorboard wandb mlflow` for this test'


def backend_of_docs(service: str) -> dict:
    """The backend in the row of the table."""
    (row,) = re.findall(rf'^\| {service} .*$', PAGE, re.M)
    return eval(re.search(r'`(dict\(.*?\))`', row)[1])


@pytest.fixture
def log(tmp_path, monkeypatch, request):
    """What a job would log, by the backend of a service."""

    def write(service: str, **kwargs: object) -> Path:
        cfg = Config.fromfile(ROOT / 'configs' / TINY, import_custom_modules=False)
        cfg.work_dir = str(tmp_path)
        visualizer = Visualizer(
            name=request.node.name,
            vis_backends=[*cfg.vis_backends, {**backend_of_docs(service), **kwargs}],
            save_dir=str(tmp_path),
        )
        visualizer.add_config(cfg)
        for step in (10, 20):
            visualizer.add_scalars(SCALARS, step=step)
        visualizer.add_image('val_img', np.zeros((8, 8, 3), np.uint8), step=20)
        visualizer.close()
        return tmp_path / 'vis_data'

    monkeypatch.chdir(tmp_path)
    return write


def test_tensorboard(log):
    events = pytest.importorskip(
        'tensorboard.backend.event_processing.event_accumulator', reason=NEEDED
    )
    found = events.EventAccumulator(str(log('TensorBoard'))).Reload()
    assert len(found.Tags()['scalars']) == len(SCALARS)
    assert [(e.step, e.value) for e in found.Scalars('loss')] == [(10, 0.5), (20, 0.5)]
    assert found.Tags()['images'] == ['val_img']


def test_weights_and_biases_without_a_network(log, monkeypatch):
    pytest.importorskip('wandb', reason=NEEDED)
    monkeypatch.setenv('WANDB_MODE', 'offline')
    folder = log('Weights & Biases')
    (run,) = folder.glob('wandb/offline-run-*/run-*.wandb')
    assert b'coco/AP (M)' in run.read_bytes()
    assert 'coco/AP (M)' in (folder / 'scalars.json').read_text()


def test_mlflow(log):
    mlflow = pytest.importorskip('mlflow', reason=NEEDED)
    pytest.importorskip('sqlalchemy', reason=NEEDED)
    log('MLflow')
    client = mlflow.MlflowClient('sqlite:///mlflow.db')
    (run,) = client.search_runs(['1', '0'])
    assert run.info.status == 'FINISHED'
    for name, value in SCALARS.items():
        history = client.get_metric_history(run.info.run_id, re.sub('[()]', '', name))
        assert [(m.step, m.value) for m in history] == [(10, value), (20, value)]
    files = [file.path for file in client.list_artifacts(run.info.run_id)]
    assert {'val_img_20.png', 'config.py'} <= {*files}


def test_mlflow_gets_names_that_it_accepts(log, monkeypatch):
    """Without MLflow: stock names end the job."""
    mlflow = MagicMock()
    monkeypatch.setitem(sys.modules, 'mlflow', mlflow)
    log('MLflow')
    names = {name for call in mlflow.log_metrics.mock_calls for name in call.args[0]}
    assert names == {'loss', 'lr', 'coco/AP M', 'coco/AP .5'}
    assert [call.args[1] for call in mlflow.log_image.mock_calls] == ['val_img_20.png']


def options_of_docs() -> list[str]:
    """All options of the section, after each other."""
    block = re.search(r'## EMA, early.*?```bash\n(.*?)```', PAGE, re.S)[1]
    lines = block.replace('\\\n', '').splitlines()
    words = [shlex.split(line.partition('CONFIG ')[2]) for line in lines]
    assert ['--amp'] in words  # needs a GPU
    return [word for line in words for word in line if not word.startswith('--')]


@pytest.mark.jobs
def test_ema_early_stopping_and_accumulation(few_people, write_config, tmp_path, mim):
    pytest.importorskip('mmpose')
    config = write_config(
        TINY,
        'train_dataloader = dict(batch_size=4)\n'
        'default_hooks = dict(checkpoint=dict(interval=1), logger=dict(interval=1))\n'
        'train_cfg = dict(max_epochs=4, val_interval=1)\n',
    )
    job = Job(tmp_path / 'work')
    done = mim(
        'train', 'mmpose', config, '--work-dir', job.work_dir, '--cfg-options',
        *options_of_docs(), 'default_hooks.stop.patience=1',
        TINY_PEOPLE=str(few_people),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert len(job.scores('coco/AP')) == 2  # AP is 0 from the first epoch on
    assert 'did not improve in the last 1 records' in done.stdout + done.stderr
    content = load(job.work_dir / 'epoch_2.pth')
    name = 'head.final_layer.weight'
    # EMAHook saves the average as state_dict, and the trained weights as ema_state_dict
    averaged = content['state_dict'][name]
    assert not torch.equal(averaged, content['ema_state_dict'][f'module.{name}'])
    (steps,) = {int(s['step']) for s in content['optimizer']['state'].values()}
    assert steps == max(job.losses()) // 4
