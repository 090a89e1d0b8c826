"""What is imported: by the package, and by the command before a command runs."""

from __future__ import annotations

import json

from click.testing import CliRunner

from hrnet_mm import __version__
from hrnet_mm.cli import main
from hrnet_mm.cli.base import Command

BUDGET = 42  # modules of hrnet_mm
FORBIDDEN = {
    'click', 'matplotlib', 'mmdet', 'mmpose', 'mmpretrain', 'mmseg', 'pandas',
    'pycocotools', 'rich',
}  # fmt: skip

# mmengine imports rich itself: what it and mmcv have imported does not count
PACKAGE = f"""
import json, sys
import mmcv.cnn, mmengine.dataset, mmengine.hooks, mmengine.runner
for name in [name for name in sys.modules if name.split('.')[0] in {FORBIDDEN}]:
    del sys.modules[name]
import hrnet_mm
print(json.dumps([*sys.modules]))
"""

# The console script with several arguments in turn; the last line says after which of
# them what is imported.
COMMAND = """
import json, sys
from hrnet_mm_cli import main
imported = {}
for words in json.loads(sys.argv[1]):
    sys.argv[1:] = words
    try:
        main()
    except SystemExit as end:
        assert not end.code, words
    imported[' '.join(words)] = [*{name.split('.')[0] for name in sys.modules}]
print(json.dumps(imported))
"""


def test_the_package_imports_what_its_names_need(run_python):
    done = run_python('-c', PACKAGE)
    modules = json.loads(done.stdout)
    assert not FORBIDDEN & {name.split('.')[0] for name in modules}
    ours = [name for name in modules if name.split('.')[0] == 'hrnet_mm']
    assert 'hrnet_mm.tiny_people' not in ours  # draws TinyPeople
    assert len(ours) <= BUDGET, ours


def test_help_and_version_import_neither_torch_nor_the_package(run_python):
    words = [['--version'], ['--help'], *([name, '--help'] for name in main.commands)]
    done = run_python('-c', COMMAND, json.dumps(words))
    assert done.returncode == 0, done.stderr
    assert __version__ in done.stdout.splitlines()[0]
    imported = json.loads(done.stdout.splitlines()[-1])
    assert len(imported) == len(words) > 10
    slow = {'torch', 'numpy', 'mmengine', 'hrnet_mm'}
    assert {name: slow & {*found} for name, found in imported.items()} == {
        name: set() for name in imported
    }


def test_the_package_is_imported_before_a_command_runs(monkeypatch):
    """It mends what mmengine imports, so nothing of a command may come first."""
    happened = []
    monkeypatch.setattr('hrnet_mm.cli.base.import_module', happened.append)
    command = Command('any', callback=lambda: happened.append('runs'))
    assert CliRunner().invoke(command).exit_code == 0
    assert happened == ['hrnet_mm', 'runs']
    assert all(isinstance(command, Command) for command in main.commands.values())
