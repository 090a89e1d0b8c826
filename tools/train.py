"""Train a config of any library: ``python tools/train.py CONFIG [--resume ...]``."""

from hrnet_mm.engine.tools import run_tool

if __name__ == '__main__':  # workers of data loaders may import this file
    run_tool('train')
