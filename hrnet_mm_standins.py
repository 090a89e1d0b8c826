"""Finds the stand-ins of hrnet_mm for compiled modules that are not installed.

``hrnet_mm.pth`` imports this module whenever Python starts, since OpenMMLab's own
scripts import ``mmcv.ops`` and ``xtcocotools`` before a config can import ``hrnet_mm``.
So it imports nothing that Python has not imported by then. What is installed goes
first, unless ``HRNET_MM_OPS=torchvision`` asks for our operators in place of compiled
ones.
"""

import os
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'hrnet_mm', 'standins')
FOLDERS = {'mmcv._ext': 'mmcv_ext', 'xtcocotools': 'xtcocotools'}


class StandInFinder:
    """Finds a stand-in by the name of the module that it replaces."""

    def __init__(self, names):
        self.names = tuple(names)

    def find_spec(self, name, path=None, target=None):
        """Return the spec of a stand-in, None for any other module."""
        if name not in self.names:
            return None
        from importlib.util import spec_from_file_location

        folder = os.path.join(ROOT, FOLDERS[name])
        location = os.path.join(folder, '__init__.py')
        return spec_from_file_location(
            name, location, submodule_search_locations=[folder]
        )


def install():
    """Add the finders to the import system, once."""
    if any(isinstance(finder, StandInFinder) for finder in sys.meta_path):
        return
    sys.meta_path.append(StandInFinder(FOLDERS))
    if os.environ.get('HRNET_MM_OPS') == 'torchvision':
        sys.meta_path.insert(0, StandInFinder(['mmcv._ext']))


install()
