"""Hooks of a config that are switched off by their name."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook


class OptionalHook(Hook):
    """A hook that ``--cfg-options default_hooks.NAME.enable=False`` switches off.

    mmengine merges ``default_hooks`` by name, so that a user's ``custom_hooks`` adds to
    them; but it takes ``None`` for hooks of its own only.

    Args:
        enable: False makes it a ``Hook`` of mmengine, which does nothing.
    """

    def __new__(cls, *args: Any, enable: bool = True, **kwargs: Any) -> Any:
        """Build it, or a hook that does nothing."""
        return super().__new__(cls) if enable else Hook()

    def __init__(self, *, enable: bool = True) -> None:
        super().__init__()
