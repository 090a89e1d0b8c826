"""A function applied to many files in threads, with progress."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar('Item')
Result = TypeVar('Result')
Progress = Callable[[int, int], object]


def map_files(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    progress: Progress | None = None,
) -> Iterator[Result]:
    """Yield the result for each item, in order, from a thread for each processor.

    Args:
        function: The function; OpenCV, Pillow and numpy run beside each other.
        items: Its arguments.
        progress: A function that is called with the number of items that are done, and
            that of all items.
    """
    pool = ThreadPoolExecutor()
    try:
        for number, result in enumerate(pool.map(function, items), start=1):
            if progress:
                progress(number, len(items))
            yield result
    finally:
        pool.shutdown(cancel_futures=True)  # at once after Ctrl-C
