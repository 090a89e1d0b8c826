"""Formatting of messages."""

from __future__ import annotations

from collections.abc import Sequence


def shortened(names: Sequence[str]) -> str:
    """Join up to five names; more are replaced by their total number."""
    return ', '.join(names[:5]) + (f', ... ({len(names)})' if names[5:] else '')


def counted(number: int, name: str, several: str = '') -> str:
    """Format a number with a noun, such as ``3 objects``.

    Args:
        number: The number.
        name: The noun in the singular.
        several: The noun in the plural; by default with an s.
    """
    return f'{number} {name if number == 1 else several or name + "s"}'


def first_line(error: Exception) -> str:
    """Return the first line of an error message, or the type if it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
