"""Documents parsed in several processes: in order, with a bounded number in memory, and with a limit of time each.

A page that ends its process, by crashing it or by taking longer than SECONDS, costs itself and no other one.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from research.articles.documents import parse_document
from research.articles.texts import Document, Problem
from research.records import Article

FEW = 32  # documents parsed here before processes are started: that takes as long as parsing about a hundred
LARGE = 2**20  # bytes; a document over it goes to a process even so, since it may take its parser minutes
SECONDS = 30.0  # for one document
AHEAD = 64  # documents a worker that wait to be parsed or to be asked for
AHEAD_BYTES = 64 * 2**20  # of all that wait

Item = Article | Document | Problem
Parsed = Article | Problem


def count_cores() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def parse_documents(items: Iterable[Item], workers: int = 0) -> Iterator[Parsed]:
    """The items in their order, the documents among them parsed.

    With `workers` of 2 or more as many processes parse from document FEW + 1 on. A document over LARGE is parsed in
    another process with 1, too. With 0 all is parsed in this process, where nothing limits the time. Processes are
    spawned: a script that asks for them needs its `if __name__ == "__main__"`.
    """
    pool = _Pool(workers)
    count = 0
    try:
        for item in items:
            if not isinstance(item, Document):
                yield from pool.add(item)
                continue
            count += 1
            if (workers > 1 and count > FEW) or (workers and _size(item) > LARGE):
                yield from pool.add(item)
            else:
                yield from pool.add(parse_document(item))
        yield from pool.take_all()
    finally:
        pool.close()


class _Pool:
    """A queue of items, of which the documents are being parsed."""

    def __init__(self, workers: int) -> None:
        self._workers = max(workers, 1)
        self._queue: deque[tuple[Item, Future[Parsed] | None]] = deque()
        self._bytes = 0
        self._executor: ProcessPoolExecutor | None = None
        self._alone: ProcessPoolExecutor | None = None

    def add(self, item: Item) -> Iterator[Parsed]:
        """Queue an item; the items that are ready, and as many more as are too many to wait."""
        self._queue.append((item, self._submit(item) if isinstance(item, Document) else None))
        self._bytes += _size(item)
        while self._queue and (self._is_ready() or self._is_full()):
            yield self._take()

    def take_all(self) -> Iterator[Parsed]:
        while self._queue:
            yield self._take()

    def close(self) -> None:
        for executor in (self._executor, self._alone):
            if executor:
                executor.shutdown(cancel_futures=True)

    def _is_ready(self) -> bool:
        future = self._queue[0][1]
        return future is None or future.done()

    def _is_full(self) -> bool:
        return len(self._queue) > AHEAD * self._workers or self._bytes > AHEAD_BYTES

    def _take(self) -> Parsed:
        item, future = self._queue.popleft()
        self._bytes -= _size(item)
        if not isinstance(item, Document):
            return item
        try:
            if future:
                return future.result()
        except BrokenProcessPool:  # this document ended its process, or one that was parsed beside it did
            pass
        return self._parse_alone(item)

    def _submit(self, document: Document) -> Future[Parsed] | None:
        try:
            self._executor = self._executor or start_processes(self._workers)
            with interrupts_held():
                return self._executor.submit(_parse, document, SECONDS)
        except BrokenProcessPool:
            self._executor = None
            return None

    def _parse_alone(self, document: Document) -> Parsed:
        self._alone = self._alone or start_processes(1)
        try:
            with interrupts_held():
                future = self._alone.submit(_parse, document, SECONDS)
            return future.result()
        except BrokenProcessPool:
            self._alone = None
            return Problem(document.origin, f"ended its parser: too much for the memory, or over {SECONDS:g} s")


def _size(item: Item) -> int:
    if isinstance(item, Document):
        return len(item.data) + len(item.decoded.get("html", ""))
    return 0


def start_processes(
    workers: int, begin: Callable[..., None] | None = None, arguments: tuple[Any, ...] = ()
) -> ProcessPoolExecutor:
    """Processes that end with this one, however it ends. Each calls `begin` with the arguments first."""
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin, (begin, arguments))


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Processes started in here never see Ctrl-C, which the terminal sends to all: this one ends them in order."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(begin: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    """In a new process: end with the one that started it, however that ended."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if begin:
        begin(*arguments)


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _parse(document: Document, seconds: float) -> Parsed:
    """In a worker. Whatever it hangs in, C too, the process ends when its time is up."""
    with Path(os.devnull).open("w") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            return parse_document(document)
        finally:
            faulthandler.cancel_dump_traceback_later()
