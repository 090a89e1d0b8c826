"""The console script ``hrnet-mm``, beside the package: it starts without torch.

``import hrnet_mm.cli`` imports the package first, and with it torch and mmengine, which
takes seconds. So this runs the file of that module, which imports the package when a
command runs: not for help, and not for words that it does not understand.
"""

import os
from importlib.util import module_from_spec, spec_from_file_location

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'hrnet_mm', 'cli.py')


def main():
    """Run the command that ``sys.argv`` names, and end the process."""
    spec = spec_from_file_location('hrnet_mm_cli.commands', FILE)
    commands = module_from_spec(spec)
    spec.loader.exec_module(commands)
    commands.main()
