"""The console script ``hrnet-mm``, which starts without importing torch.

``import hrnet_mm.cli`` would import the package first, and with it torch and mmengine,
which takes seconds. So this module imports the folder ``hrnet_mm/cli`` on its own; it
imports the package only when a command runs, not for help or usage errors.
"""

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'hrnet_mm', 'cli')


def main():
    """Run the command of ``sys.argv`` and end the process."""
    spec = spec_from_file_location(
        'hrnet_mm_commands',
        os.path.join(FOLDER, '__init__.py'),
        submodule_search_locations=[FOLDER],
    )
    commands = sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(commands)
    commands.main()
