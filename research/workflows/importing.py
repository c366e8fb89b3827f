"""Articles from anywhere into one file of Article JSONL, which an interrupted import goes on with."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from research.articles import article_to_json, read_articles
from research.records import Article, ResearchError
from research.workflows.reading import Wanted


class Target:
    """Where articles go, a line each. `origins` are those of the articles that are in it already; `is_file` is for
    what can be cut where a line was not finished."""

    def __init__(self, stream: BinaryIO | io.FileIO, is_file: bool, origins: frozenset[str] = frozenset()) -> None:
        self._stream = stream
        self._is_file = is_file
        self.origins = origins

    def write(self, article: Article) -> None:
        """One line, in a file whole or not at all; its key `origin` tells where the article came from, `removed` what
        cleaning took out, as [rule, start, end] in the text as it was read. ResearchError when the article cannot be
        UTF-8, as when the name of its file is not."""
        obj = article_to_json(article) | {"origin": article.origin}
        if article.removals:
            obj["removed"] = [[removal.rule, removal.start, removal.end] for removal in article.removals]
        try:
            line = (json.dumps(obj, ensure_ascii=False) + "\n").encode()
        except UnicodeEncodeError:
            raise ResearchError("holds half a character (a lone surrogate), in its text or its name") from None
        begin = self._stream.tell() if self._is_file else 0
        try:
            while line:
                line = line[self._stream.write(line) :]
            self._stream.flush()
        except BaseException:  # the disk is full, or Ctrl-C
            if self._is_file:
                self._stream.truncate(begin)
            raise


@contextmanager
def open_target(path: Path | None, resume: bool = False) -> Iterator[Target]:
    """A new file to write to, or stdout without a `path`; with `resume` a file that an import has begun, if there is
    one. ResearchError when the file is there already without `resume`, or is another's with it."""
    if path is None:
        yield Target(sys.stdout.buffer, is_file=False)
        return
    try:
        if resume and path.exists():
            origins, end = _read_origins(path)
            with path.open("ab", buffering=0) as stream:
                stream.truncate(end)
                stream.seek(end)
                yield Target(stream, True, origins)
        else:
            with path.open("xb", buffering=0) as stream:
                yield Target(stream, is_file=True)
    except FileExistsError:
        raise ResearchError(f"{path}: exists already; --resume goes on with it") from None
    except OSError as e:
        raise ResearchError(f"{path}: {e.strerror}") from None


def import_articles(
    sources: Sequence[str],
    target: Target,
    on_error: Callable[[str, str], None],
    *,
    columns: Mapping[str, str] = {},
    workers: int = 0,
    limit: int | None = None,
    raw: bool = False,
    wanted: Wanted | None = None,
) -> Iterator[Article]:
    """Read the articles of `sources` (`read_articles`), write those that are new and `wanted` to `target` and yield
    them; at most `limit` of them."""
    articles = read_articles(sources, on_error, workers=workers, columns=columns, skip=target.origins, raw=raw)
    chosen = (wanted or Wanted(any_language=True)).choose(articles, on_error)
    with closing(articles):
        for article in islice(chosen, limit):
            try:
                target.write(article)
            except ResearchError as error:
                on_error(article.origin, str(error))
            else:
                yield article


def check_sources(sources: Sequence[str], path: Path | None, resume: bool) -> None:
    """ResearchError when an import would read what it writes, or cannot be resumed."""
    if resume and (path is None or "-" in sources):
        raise ResearchError("--resume: needs -o FILE, and sources that are still there: not standard input")
    if path is None:
        return
    for source in sources:
        place = Path(source)
        if place.is_dir() and path.resolve().is_relative_to(place.resolve()):
            raise ResearchError(f"-o {path}: lies in the folder {source}, which is read")
        if path.exists() and place.exists() and path.samefile(place):
            raise ResearchError(f"-o {path}: is read, too")


def _read_origins(path: Path) -> tuple[frozenset[str], int]:
    """The origins of the lines of an import, and where the last whole line ends: a crash may have cut one off."""
    origins = set()
    end = 0
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if not line.endswith(b"\n"):
                break
            try:
                origins.add(str(json.loads(line)["origin"]))
            except (ValueError, KeyError, TypeError, RecursionError):
                raise ResearchError(f"{path}:{number}: not a line of an import; choose another file") from None
            end += len(line)
    return frozenset(origins), end
