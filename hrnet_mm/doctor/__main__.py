"""``python hrnet_mm/doctor``: the doctor without its package.

For an environment that could not be set up, or in which ``import hrnet_mm`` takes the
interpreter down: run as a folder, it needs the standard library only.
"""

import sys
from pathlib import Path

# as a folder it is no package yet; as `python -m hrnet_mm.doctor` it is
if not __package__:
    sys.path[0] = str(Path(__file__).parents[1])
    from doctor import diagnose, exit_code, report
else:
    from hrnet_mm.doctor import diagnose, exit_code, report

findings = list(diagnose())
try:
    from rich.console import Console
except ImportError:
    for found in findings:
        print(f'{found.level:8} {found.name}: {found.seen} {found.why}'.rstrip())
        if found.fix:
            print(f'         {found.fix}')
else:
    report(findings, Console())
sys.exit(exit_code(findings))
