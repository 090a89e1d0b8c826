"""Test a checkpoint: ``python tools/test.py CONFIG CHECKPOINT ...``.

All other arguments are those of ``test.py`` of the library of CONFIG.
"""

import sys

if __name__ == '__main__':  # workers of data loaders may import this file
    if sys.argv[1:] in (['-h'], ['--help']):
        print(__doc__)  # mim asks before each job: answered without importing torch
    else:
        from hrnet_mm.engine.tools import run_tool

        run_tool('test')
