"""Bring a corpus to this machine: downloaded from its original place, or taken from a folder, and checked.

What is downloaded and how each corpus is checked stands in pins.yaml. A download continues where it stopped; a file
takes its final name only when it is complete and right.
"""

from __future__ import annotations

import fnmatch
import http.client
import shutil
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from research.config import read_yaml
from research.datasets.attribution_gold import NAME as GOLD
from research.datasets.attribution_gold import read_standoff, read_texts
from research.datasets.corpora import CORPORA, source_files
from research.datasets.standoff import find_texts, wanted_keys
from research.datasets.store import data_folders, file_sha256
from research.records import ResearchError

PINS = Path(__file__).with_name("pins.yaml")
CHUNK = 1 << 16  # bytes
TIMEOUT = 60.0  # seconds without a byte

Progress = Callable[[int, int | None], None]  # bytes so far, bytes in all where the server says so


def fetch(name: str, source: Path | None = None, progress: Progress | None = None, *, pins: Path = PINS) -> Path:
    """The folder of corpus `name`, brought there if need be: $RESEARCH_DATA/<name>, else the user's data folder.

    With `source`, a folder that holds the corpus or holds it under its name, nothing is downloaded. ResearchError
    for an unknown name, a corpus that has to come from a folder, a failed download, a file that is not the pinned one.
    """
    known = read_yaml(pins)
    if name not in known:
        raise ResearchError(f"unknown corpus '{name}'; known: {', '.join(known)}")
    pin = known[name]
    target = data_folders()[0] / name
    try:
        if source is not None:
            _take(name, pin, _inside(source, name), target)
        elif not _complete(name, pin, target):
            _download_all(name, pin, target, progress)
    except OSError as e:
        raise ResearchError(f"{e.filename or target}: {e.strerror or e}") from None
    return target


# --- checks ---------------------------------------------------------------------------------------------------


def _check(name: str, pin: Mapping[str, Any], folder: Path) -> None:
    """ResearchError unless `folder` holds the corpus that `pin` describes."""
    for file, wanted in pin.get("files", {}).items():
        _check_sha256(folder / file, wanted["sha256"])
    for pattern in pin.get("archive", {}).get("members", []):
        if not any(_root(pin, folder).glob(pattern)):
            raise ResearchError(f"{folder}: no {pattern}")
    if name == GOLD:
        _check_rows(folder, pin["rows"])
    elif name in CORPORA:
        _check_labelled(name, folder)


def _complete(name: str, pin: Mapping[str, Any], folder: Path) -> bool:
    try:
        _check(name, pin, folder)
    except ResearchError:
        return False
    return True


def _check_sha256(file: Path, wanted: str, *, shown: Path | str = "") -> None:
    if (found := file_sha256(file)) != wanted:
        raise ResearchError(f"{shown or file}: sha256 is {found[:12]}..., expected {wanted[:12]}...")


def _check_rows(folder: Path, wanted: Mapping[str, int]) -> None:
    for file in wanted:
        if not (folder / file).is_file():
            raise ResearchError(f"{folder / file}: no such file")
    read_texts(folder)  # every text against its sha256
    for file, rows in wanted.items():
        if (found := len((folder / file).read_bytes().splitlines())) != rows:
            raise ResearchError(f"{folder / file}: {found} rows, expected {rows}")


def _check_labelled(corpus: str, folder: Path) -> None:
    """All texts of the corpus that were labelled are there: the stand-off file holds their sha256."""
    rows = read_standoff()
    wanted = wanted_keys(rows)[corpus]
    if missing := sorted(wanted - set(find_texts(rows, corpus, [folder]))):
        raise ResearchError(
            f"{folder}: {len(missing)} of {len(wanted)} labelled texts are absent or altered, such as '{missing[0]}'"
        )


# --- from a folder --------------------------------------------------------------------------------------------


def _inside(source: Path, name: str) -> Path:
    if not source.is_dir():
        raise ResearchError(f"{source}: no such folder")
    return source / name if (source / name).is_dir() else source


def _take(name: str, pin: Mapping[str, Any], source: Path, target: Path) -> None:
    """Check the corpus where it lies, then copy the files it consists of."""
    _check(name, pin, source)
    if source.resolve() == target.resolve():
        return
    beside = [file for pattern in pin.get("beside", []) for file in sorted(source.glob(pattern))]
    for file in [*_parts(name, pin, source), *beside]:
        _place(target / file.relative_to(_root(pin, source)), file.open("rb"))


def _parts(name: str, pin: Mapping[str, Any], source: Path) -> list[Path]:
    """The files of the corpus in `source`; what else lies there is left there."""
    if "archive" in pin:
        return [file for pattern in pin["archive"]["members"] for file in sorted(_root(pin, source).glob(pattern))]
    if listed := pin.get("files") or pin.get("rows"):
        return [source / file for file in listed]
    return source_files(name, source, wanted_keys(read_standoff())[name])


def _root(pin: Mapping[str, Any], source: Path) -> Path:
    """`source`, or the folder below it where a clone of the repository keeps the files."""
    below = source / pin.get("archive", {}).get("root", ".")
    return below if below.is_dir() else source


def _place(target: Path, stream: Any) -> None:
    """Write a file under another name and rename it, so that its name means that it is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    try:
        with stream, part.open("wb") as out:
            shutil.copyfileobj(stream, out)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


# --- from its original place ----------------------------------------------------------------------------------


def _download_all(name: str, pin: Mapping[str, Any], target: Path, progress: Progress | None) -> None:
    files: Mapping[str, Mapping[str, str]] = pin.get("files", {})
    if "archive" in pin:
        archive = target / PurePosixPath(pin["archive"]["url"]).name
        download(pin["archive"]["url"], archive, None, progress)
        _unpack(archive, pin["archive"], target)
        _check(name, pin, target)
        archive.unlink()
    elif files and all("url" in wanted for wanted in files.values()):
        for file, wanted in files.items():
            if not (target / file).is_file() or file_sha256(target / file) != wanted["sha256"]:
                download(wanted["url"], target / file, wanted["sha256"], progress)
        _check(name, pin, target)
    else:
        raise ResearchError(f"{name}: cannot be downloaded: {pin['instead']}")


def download(url: str, target: Path, sha256: str | None, progress: Progress | None = None) -> None:
    """Download `url` to `target`, going on from `target`.part where an earlier call stopped.

    ResearchError when the server refuses, the connection breaks (what came stays in the .part) or the sha256 is
    another (nothing stays).
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            _receive(url, answer, part, have, progress)
    except urllib.error.HTTPError as e:
        e.close()
        if e.code != 416:  # nothing lies beyond what we have: the checksum says whether that is all
            raise ResearchError(f"{url}: HTTP {e.code} {e.reason}") from None
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as e:
        raise ResearchError(f"{url}: {getattr(e, 'reason', None) or e}; the same command goes on from here") from None
    if sha256 is not None:
        try:
            _check_sha256(part, sha256, shown=url)
        except ResearchError:
            part.unlink()
            raise
    part.replace(target)


def _receive(url: str, answer: Any, part: Path, have: int, progress: Progress | None) -> None:
    """Write the body after what we have, or from the start when the server sends all of it again."""
    if answer.status != 206 or not (answer.headers.get("Content-Range") or "").startswith(f"bytes {have}-"):
        if answer.status == 206:
            raise ResearchError(f"{url}: the server sent another range than asked for: delete {part}")
        have = 0
    length = answer.headers.get("Content-Length")
    total = have + int(length) if length else None
    with part.open("ab" if have else "wb") as out:
        while chunk := answer.read(CHUNK):
            out.write(chunk)
            have += len(chunk)
            if progress:
                progress(have, total)
    if total is not None and have < total:
        raise ResearchError(f"{url}: stopped after {have} of {total} bytes; the same command goes on from here")


def _unpack(archive: Path, pin: Mapping[str, Any], target: Path) -> None:
    """Write the members of a tar archive that are wanted to `target`. ResearchError for an archive that is broken."""
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                path = PurePosixPath(member.name)
                if not member.isfile() or ".." in path.parts or path.parts[1:2] != (pin["root"],):
                    continue
                inner = PurePosixPath(*path.parts[2:])
                if any(fnmatch.fnmatchcase(str(inner), pattern) for pattern in pin["members"]):
                    _place(target / inner, tar.extractfile(member))
    except (tarfile.TarError, EOFError, zlib.error) as e:
        archive.unlink()
        raise ResearchError(f"{archive}: not a whole tar archive ({e}); removed: fetch it again") from None
