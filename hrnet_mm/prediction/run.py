"""Prediction on a stream of images; reading and writing run beside the model."""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import torch

from hrnet_mm.images import drawable

from .pictures import Pictures
from .predictor import DataWriter, Predictor
from .sources import Frame, SkippedImage, Sources
from .tracking import Tracker

READERS = 2  # threads that decode images and run the pipeline
AHEAD = 2  # batches that are read before the model needs them
UNWRITTEN = 16  # results that wait to be drawn and written


@dataclass
class _Loaded:
    frame: Frame
    image: np.ndarray
    prepared: Any


@dataclass
class Prediction:
    """Predicts all images of some sources and writes the results.

    Args:
        predictor: The model.
        data: The writer of the data.
        pictures: The writer of the pictures; None draws nothing.
        batch: The number of inputs of the model in a batch; by default the predictor
            chooses it.
        track: Whether to follow instances over the frames of each video, and over
            images as if they were one.
        report: A function that is called with the number of new images.

    Attributes:
        images: The number of images whose results are written.
        failures: Messages about images that could not be read.
    """

    predictor: Predictor
    data: DataWriter
    pictures: Pictures | None = None
    batch: int | None = None
    track: bool = False
    report: Callable[[int], None] = lambda number: None
    images: int = 0
    failures: list[str] = field(default_factory=list)

    def run(self, sources: Sources) -> None:
        """Predict all images.

        On an error and on Ctrl-C, the files have all results so far.
        """
        size = self.batch or self.predictor.default_batch
        trackers: dict[int, Tracker] = {}
        readers, writer = _threads(READERS), _threads(1)
        writing: deque[Future] = deque()
        try:
            loaded = _in_order(readers, self._load, sources, AHEAD * size)
            for chunk in _chunks(self._readable(loaded), size):
                results = self.predictor.predict(
                    [it.prepared for it in chunk], self.batch
                )
                for item, result in zip(chunk, results, strict=True):
                    if self.track:
                        self._set_tracks(item.frame, result, trackers)
                    writing.append(writer.submit(self._write, item, result))
                while len(writing) > UNWRITTEN:
                    writing.popleft().result()
            while writing:
                writing.popleft().result()
        finally:
            with _uninterrupted():
                readers.shutdown(cancel_futures=True)
                writer.shutdown()  # after the results that are predicted already
                self.failures += sources.failures
                try:
                    self.data.close()
                finally:
                    if self.pictures is not None:
                        self.pictures.close()

    def _load(self, frame: Frame) -> _Loaded:
        image = frame.read(self.predictor.loader)
        try:
            prepared = self.predictor.prepare(frame, image)
        except SkippedImage:
            raise
        except Exception as error:  # of any transform, for an image that is odd
            raise SkippedImage(
                f'{frame.source} cannot be prepared: {type(error).__name__}: {error}'
            ) from error
        return _Loaded(frame, image, prepared)

    def _readable(self, loaded: Iterable[Future]) -> Iterator[_Loaded]:
        for future in loaded:
            try:
                yield future.result()
            except SkippedImage as error:
                self.failures.append(str(error))
                self.report(1)

    def _set_tracks(
        self, frame: Frame, result: Any, trackers: dict[int, Tracker]
    ) -> None:
        number = frame.video.number if frame.video else 0
        tracker = trackers.setdefault(number, Tracker())
        found = self.predictor.instances(result)
        numbers = tracker.update(found, self.predictor.threshold)
        self.predictor.set_tracks(result, numbers)

    def _write(self, item: _Loaded, result: Any) -> None:
        height, width = item.image.shape[:2]
        self.data.add(item.frame, (width, height), result)
        if self.pictures is not None:
            self._draw(self.pictures, item, result)
        self.images += 1
        self.report(1)

    def _draw(self, pictures: Pictures, item: _Loaded, result: Any) -> None:
        image = drawable(item.image)
        try:
            pictures.add(item.frame, self.predictor.draw(image, result))
        except OSError:
            raise
        except Exception as error:  # of a visualizer, such as for images of one pixel
            self.failures.append(
                f'{item.frame.source} is predicted, but cannot be drawn: '
                f'{type(error).__name__}: {error}'
            )
            if item.frame.video is not None:
                pictures.add(item.frame, image)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    # a second Ctrl-C must not stop what completes the files
    is_main = threading.current_thread() is threading.main_thread()
    handlers = {}
    for number in (signal.SIGINT, signal.SIGTERM) if is_main else ():
        handlers[number] = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _threads(number: int) -> ThreadPoolExecutor:
    # Each thread that runs torch has an OpenMP team of its own, whose waiting threads
    # take the cores from the model, which then is half as fast.
    pool = ThreadPoolExecutor(number)
    begun, model_threads = threading.Barrier(number), torch.get_num_threads()

    def limit() -> None:
        torch.get_num_threads()  # or the first operation sets the limit of all threads
        torch.set_num_threads(1)
        begun.wait()

    wait([pool.submit(limit) for _ in range(number)])
    torch.set_num_threads(model_threads)  # that of MKL is one for all threads
    return pool


def _in_order(
    pool: ThreadPoolExecutor,
    function: Callable[[Frame], Any],
    frames: Iterable[Frame],
    ahead: int,
) -> Iterator[Future]:
    # futures in the order of the frames, of which some are started in advance
    started: deque[Future] = deque()
    for frame in frames:
        started.append(pool.submit(function, frame))
        if len(started) > ahead:
            yield started.popleft()
    yield from started


def _chunks(items: Iterator[_Loaded], size: int) -> Iterator[Sequence[_Loaded]]:
    while chunk := list(islice(items, size)):
        yield chunk
