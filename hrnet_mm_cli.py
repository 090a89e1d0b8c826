"""The console script ``hrnet-mm``, which starts without importing torch.

``import hrnet_mm.cli`` would import the package first, and with it torch and mmengine,
which takes seconds. So this module runs the file of ``hrnet_mm.cli``, which imports the
package only when a command runs, not for help or usage errors.
"""

import os
from importlib.util import module_from_spec, spec_from_file_location

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'hrnet_mm', 'cli.py')


def main():
    """Run the command of ``sys.argv`` and end the process."""
    spec = spec_from_file_location('hrnet_mm_cli.commands', FILE)
    commands = module_from_spec(spec)
    spec.loader.exec_module(commands)
    commands.main()
