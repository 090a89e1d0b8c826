"""Import hooks for the stand-ins of compiled modules that are not installed.

``hrnet_mm.pth`` imports this module whenever Python starts, because the scripts of
OpenMMLab import ``mmcv.ops`` and ``xtcocotools`` before a config can import
``hrnet_mm``. So it imports only modules that Python has already imported by then.
Installed modules have priority, unless ``HRNET_MM_OPS=torchvision`` is set.
"""

import os
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'hrnet_mm', 'standins')
FOLDERS = {'mmcv._ext': 'mmcv_ext', 'xtcocotools': 'xtcocotools'}


class StandInFinder:
    """A finder for stand-ins, by the name of the module that they replace."""

    def __init__(self, names):
        self.names = tuple(names)

    def find_spec(self, name, path=None, target=None):
        """Return the spec of a stand-in; None for any other module."""
        if name not in self.names:
            return None
        from importlib.util import spec_from_file_location

        folder = os.path.join(ROOT, FOLDERS[name])
        location = os.path.join(folder, '__init__.py')
        return spec_from_file_location(
            name, location, submodule_search_locations=[folder]
        )


def install():
    """Add the finders to ``sys.meta_path``, unless they are there."""
    if any(isinstance(finder, StandInFinder) for finder in sys.meta_path):
        return
    sys.meta_path.append(StandInFinder(FOLDERS))
    if os.environ.get('HRNET_MM_OPS') == 'torchvision':
        sys.meta_path.insert(0, StandInFinder(['mmcv._ext']))


install()
