"""The configs of docs/universal.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

pytest.importorskip('mmdet')
pytest.importorskip('mmpose')
pytest.importorskip('mmseg')

from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS, EVALUATOR, init_default_scope

from hrnet_mm.building import build_model

ROOT = Path(__file__).resolve().parents[2]


def block_of(section: str) -> str:
    """Return the first Python block of a section, with the paths of this repository."""
    text = (ROOT / 'docs/universal.md').read_text().partition(f'## {section}\n')[2]
    code = re.search(r'```python\n(.*?)```', text, re.DOTALL)
    assert code is not None
    return code[1].replace("'configs/", f"'{ROOT}/configs/")


def read(path: Path, code: str, people: Path, monkeypatch) -> Config:
    monkeypatch.setenv('TINY_PEOPLE', str(people))
    path.write_text(code)
    return Config.fromfile(path)


def test_a_task_is_added_with_the_docs_alone(few_people, tmp_path, monkeypatch):
    code = block_of('Add a task')
    cfg = read(tmp_path / 'five.py', code, few_people, monkeypatch)
    model = build_model(cfg)
    assert [*model.tasks] == ['objects', 'joints', 'parts', 'depth', 'segments']
    init_default_scope(cfg.default_scope)
    train, val = (
        DATASETS.build(cfg[f'{split}_dataloader'].dataset) for split in ('train', 'val')
    )
    batch = model.data_preprocessor(pseudo_collate([train[0], train[1]]), True)
    losses = model.train()(**batch, mode='loss')
    assert any(key.startswith('segments.') for key in losses)
    evaluator = EVALUATOR.build(cfg.val_evaluator)
    evaluator.dataset_meta = val.metainfo
    model.eval()
    with torch.no_grad():
        for i in range(len(val)):
            evaluator.process(model.test_step(pseudo_collate([val[i]])))
    scores = evaluator.evaluate(len(val))
    for name in ('objects/coco/bbox_mAP', 'segments/coco_panoptic/PQ', 'parts/mIoU'):
        assert name in scores


def test_the_config_of_the_docs_has_the_tasks_of_its_data(
    few_people, tmp_path, monkeypatch
):
    cfg = read(tmp_path / 'two.py', block_of('The config'), few_people, monkeypatch)
    tasks = build_model(cfg, 'meta').tasks
    assert tasks.keys() == cfg.train_dataloader.dataset.tasks.keys()
