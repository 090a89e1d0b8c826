"""Writes Python values as a config is written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

WIDTH = 80
# mmengine replaces {{ name }} in the text of a config, also inside strings
BRACES = (('{{', '{\\x7b'), ('}}', '}\\x7d'))


class Expression(str):
    """Python code that is written as it is."""


class Extended(dict):
    """A dict that is written as ``dict(name, ...)``: another one with changes.

    Args:
        name: The name of the other dict.
        changes: The changed entries.
    """

    def __init__(self, name: str, **changes: Any) -> None:
        super().__init__(changes)
        self.name = name


def to_code(value: Any, indent: int = 0, used: int = 0) -> str:
    """Return the code of a value: on one line if it fits, otherwise one entry a line.

    Args:
        value: Dicts, lists, tuples and literals; keys of dicts are identifiers.
        indent: The number of spaces before its entries.
        used: The number of characters before it on its line.
    """
    if isinstance(value, Expression):
        return str(value)
    if isinstance(value, dict):
        start, end = 'dict(', ')'
        entries = [(f'{key}=', it) for key, it in value.items()]
        if isinstance(value, Extended):
            entries = [('', Expression(value.name)), *entries]
    elif isinstance(value, (list, tuple)):
        start, end = '[]' if isinstance(value, list) else '()'
        entries = [('', it) for it in value]
    else:
        return _literal(value)
    line = ', '.join(name + to_code(it) for name, it in entries)
    line += ',' if isinstance(value, tuple) and len(value) == 1 else ''
    if indent + used + len(line) < WIDTH and '\n' not in line:
        return f'{start}{line}{end}'
    inner = indent + 4
    lines = [
        f'{" " * inner}{name}{to_code(it, inner, len(name))},\n' for name, it in entries
    ]
    return f'{start}\n{"".join(lines)}{" " * indent}{end}'


def _literal(value: Any) -> str:
    code = repr(value)
    for braces, escaped in BRACES:
        code = code.replace(braces, escaped)
    return code


def docstring(lines: Sequence[str]) -> str:
    """Return a docstring; characters that would end or change it are escaped.

    Args:
        lines: Text, also of the user; line breaks inside are escaped, too.
    """
    start = '\'"'  # with both, repr puts single quotes around
    codes = [_literal(start + line)[4:-1] for line in lines]
    text = '\n'.join(code.replace("\\'", "'").replace('"', '\\"') for code in codes)
    return f'"""{text}\n"""'


def assignments(settings: dict[str, Any]) -> str:
    """Return a line, or several, for each setting."""
    return '\n'.join(
        f'{name} = {to_code(value, used=len(name) + 3)}'
        for name, value in settings.items()
    )
