"""Write the tables of models and weights from the metafiles and configs/weights.yml.

python tools/model_zoo.py           # writes two pages of docs/ and a table of README.md
python tools/model_zoo.py --check   # only checks; fails if a file is out of date
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hrnet_mm.checkpoints import zoo

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / 'docs/model_zoo.md'
WEIGHTS = ROOT / 'docs/weights.md'
README = ROOT / 'README.md'

TASKS = {
    'pose': 'Pose',
    'seg': 'Segmentation',
    'det': 'Detection',
    'cls': 'Classification',
    'universal': 'Several tasks',
}
UNPUBLISHED = 'Without published scores'
FIRST = [  # in the README
    'hrnet_w48_coco',
    'higher-hrnet_w32_coco-512x512',
    'hrnetv2-ocr_w48_cityscapes-512x1024',
    'mask-rcnn_hrnetv2p_w32_coco-2x',
    'hrnetc_w48_imagenet',
]
BLOCK = re.compile('(<!-- tools/model_zoo.py -->\n).*?(<!-- end -->)', re.S)

INTRODUCTION = """# Model zoo

<!-- Written by tools/model_zoo.py from configs/*/metafile.yml; edit those. -->

All configs, the scores that were published for their recipes, and what they cost. The
scores are not ours: they are those of the code base in the column *published by*, in
its unit, but NME is always in percent, and PCK and AUC are shares. Parameters and MACs
are counted on the model of the config (`tests/test_configs.py`). MACs are
multiply-accumulates of one image of the input size; of detectors with 500 boxes in each
box head, without masks, as the official figures are counted; of CID with 30 people.
`hrnet-mm fetch NAME` downloads weights by the name of their config.
"""

WEIGHTS_INTRODUCTION = """# Weights

<!-- Written by tools/model_zoo.py from configs/*/metafile.yml and configs/weights.yml;
edit those. -->

All files that `hrnet-mm fetch NAME` can download, in the order in which they are tried,
and what is known about them. [Checkpoints](checkpoints.md#download-weights-by-name)
explains the names and how files are verified.

- **SHA-256**: a file with other digits is refused. Eight digits are the first ones,
  which OpenMMLab writes into the names of its files. *None published*: compare the
  SHA-256 that `hrnet-mm fetch` prints with that of another copy.
- **Licence**: of the file, and in brackets what states it. *Repository*: the licence of
  the project that trained the weights, as the file itself has none. *Model card*: that
  of the file on Hugging Face.
- **Trained on**: the data sets have terms of their own, which a licence of weights does
  not replace: [ImageNet](https://image-net.org/download.php) (non-commercial research),
  [COCO](https://cocodataset.org/#termsofuse),
  [Cityscapes](https://www.cityscapes-dataset.com/license/) (non-commercial) and others.
"""

# columns after the metrics, in this order
FACTS = ['input size', 'evaluated on', 'published by', 'also published']
LAST = ['parameters', 'MACs / 2^30', *FACTS, 'weights']

Entry = dict[str, Any]
Row = dict[str, str]


def write_page(entries: Iterable[Entry]) -> str:
    """Return docs/model_zoo.md: a table for each data set of each task."""
    sections: dict[str, dict[str, list[Row]]] = {title: {} for title in TASKS.values()}
    for entry in entries:
        title = TASKS[_task(entry)]
        sections[title].setdefault(_data_set(entry), []).append(_row(entry))
    parts = [INTRODUCTION]
    for title, tables in sections.items():
        parts.append(f'## {title}\n')
        for data_set in sorted(tables, key=UNPUBLISHED.__eq__):  # UNPUBLISHED last
            parts += [f'### {title}: {data_set}\n', _table(tables[data_set])]
    return '\n'.join(parts)


def write_weights(weights: Iterable[zoo.Weights]) -> str:
    """Return docs/weights.md: a table with a row for each file."""
    rows = [
        {
            'name': f'`{it.name}`',
            'file': f'[{mirror.file}]({mirror.url})' if mirror.url else mirror.file,
            'SHA-256': f'`{mirror.sha256}`' if mirror.sha256 else 'none published',
            'trained on': it.trained_on,
            'licence': mirror.licence or 'not stated',
            'source': f'[{mirror.source.split("/")[-1]}]({mirror.source})'
            if mirror.source
            else 'not stated',
        }
        for it in weights
        for mirror in it.mirrors
    ]
    return f'{WEIGHTS_INTRODUCTION}\n{_table(rows)}'


def write_first(entries: Iterable[Entry]) -> str:
    """Return the table of the README: a few configs, with their first score."""
    by_name = {entry['Name']: entry for entry in entries}
    rows = []
    for entry in map(by_name.__getitem__, FIRST):
        metric, score = next(iter(entry['Results'][0]['Metrics'].items()))
        rows.append(
            {
                'config': f'[{entry["Name"]}]({entry["Config"]})',
                'data': _data_set(entry),
                'published': f'{metric} {_score(score)}',
                **_costs(entry['Metadata']),
            }
        )
    return _table(rows)


def _task(entry: Entry) -> str:
    folder = Path(entry['Config']).parent.name
    return folder if folder in TASKS else 'pose'  # configs/hrnet_w48_coco.py


def _data_set(entry: Entry) -> str:
    results = entry.get('Results')
    return results[0]['Dataset'] if results else UNPUBLISHED


def _row(entry: Entry) -> Row:
    row = {'config': f'[{entry["Name"]}](../{entry["Config"]})'}
    for result in entry.get('Results', ()):
        row |= {name: _score(score) for name, score in result['Metrics'].items()}
    facts = entry['Metadata']
    row |= _costs(facts)
    row |= {fact: facts.get(fact.capitalize(), '') for fact in FACTS}
    if 'Weights' in entry:
        row['weights'] = f'[file]({entry["Weights"]})'
    return row


def _costs(facts: Entry) -> Row:
    macs = facts.get('FLOPs')
    return {
        'parameters': f'{facts["Parameters"]:,}',
        'MACs / 2^30': f'{macs / 2**30:.2f}' if macs else '',
    }


def _score(value: float) -> str:
    # MMPose publishes fractions, the other libraries percentages
    return f'{value:.3f}' if value < 1 else str(value)


def _table(rows: list[Row]) -> str:
    """Return a table in markdown, without empty columns."""
    filled = dict.fromkeys(title for row in rows for title in row if row[title])
    titles = [title for title in filled if title not in LAST]
    titles += [title for title in LAST if title in filled]
    lines = [titles, ['---'] * len(titles)]
    lines += [[row.get(title, '') for title in titles] for row in rows]
    return ''.join(f'| {" | ".join(line)} |\n' for line in lines)


def main() -> int:
    """Write or check the files, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--check', action='store_true', help='compare, write nothing')
    check = parser.parse_args().check
    entries = zoo.entries()
    readme = README.read_text()
    if not BLOCK.search(readme):
        sys.exit(
            f'{README.name} has no lines <!-- tools/model_zoo.py --> and <!-- end -->'
        )
    texts = {
        PAGE: write_page(entries),
        WEIGHTS: write_weights(zoo.weights().values()),
        README: BLOCK.sub(lambda m: m[1] + write_first(entries) + m[2], readme),
    }
    old = [p for p, text in texts.items() if not p.exists() or p.read_text() != text]
    for path in old:
        if check:
            print(f'{path.name} is out of date: run python tools/model_zoo.py')
        else:
            path.write_text(texts[path])
    return int(check and bool(old))


if __name__ == '__main__':
    sys.exit(main())
