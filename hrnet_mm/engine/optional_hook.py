"""A base class for hooks that a config switches off by name."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook


class OptionalHook(Hook):
    """A hook that ``--cfg-options default_hooks.NAME.enable=False`` switches off.

    mmengine merges ``default_hooks`` by name, but accepts ``None`` only for its own
    hooks, so that ours need another switch. As the first base class, it gives one to
    a hook of a library.

    Args:
        enable: False builds the base class ``Hook``, which does nothing.
    """

    def __new__(cls, *args: Any, enable: bool = True, **kwargs: Any) -> Any:
        """Create the hook, or a ``Hook`` that does nothing."""
        return super().__new__(cls) if enable else Hook()

    def __init__(self, *args: Any, enable: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
