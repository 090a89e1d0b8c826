"""The doctor as a script: ``python hrnet_mm/doctor``.

Run as a folder it needs only the standard library. So it works if the environment could
not be set up, or if ``import hrnet_mm`` aborts the interpreter.
"""

import sys
from pathlib import Path

# empty if run as a folder, set if run as `python -m hrnet_mm.doctor`
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
