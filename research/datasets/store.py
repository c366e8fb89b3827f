"""Where data lies on this machine, and the Parquet cache of parsed corpora.

A cache entry is a folder `<name>-<revision>` of one Parquet file per split and a manifest. It is written to a
temporary folder beside it, manifest last, and renamed: whatever a kill leaves behind is never read.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from research.datasets.card import Card
from research.datasets.dataset import Dataset, Entry, digest, to_splits
from research.records import ResearchError

if TYPE_CHECKING:
    import datasets as hf

APP = "stance-attribution"
LAYOUT = 1  # raise it when the columns change: every entry is then parsed anew
MANIFEST = "manifest.json"

log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """$RESEARCH_CACHE, else the platform's folder for caches."""
    if given := os.environ.get("RESEARCH_CACHE"):
        return Path(given)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / APP
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / APP / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / APP


def user_data_folder() -> Path:
    """The platform's folder for data of this package: where `fetch` puts corpora by default."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / APP
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / APP / "data"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / APP


def data_folders() -> list[Path]:
    """The folders that may hold corpora, in the order they are searched; `fetch` writes into the first."""
    given = os.environ.get("RESEARCH_DATA")
    return [Path(given), user_data_folder()] if given else [user_data_folder()]


def corpus_folder(name: str, path: Path | None, holds: str, fetched: str) -> Path:
    """The folder of corpus `name`, known by the file or folder `holds` in it: `path` or below it when given, else
    below one of `data_folders`. ResearchError when there is none; `fetched` is the command that gets the corpus."""
    roots = [path] if path else data_folders()
    for folder in (root / below for root in roots for below in ("", name, "data", f"{name}/data")):
        if (folder / holds).exists():
            return folder
    listed = " or ".join(str(root) for root in roots)
    raise ResearchError(f"{name}: no {holds} in {listed}: run `{fetched}`, or set RESEARCH_DATA")


def file_sha256(path: Path) -> str:
    """The sha256 of a file's bytes, in hex. ResearchError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise ResearchError(f"{path}: no such file") from None
    except OSError as e:
        raise ResearchError(f"{path}: {e.strerror}") from None


def cached(
    name: str,
    card: Card,
    sources: Iterable[Path],
    version: int,
    parse: Callable[[], tuple[list[Entry], dict[str, int]]],
    settings: Mapping[str, Any] | None = None,
) -> Dataset:
    """The dataset behind `sources`: from the cache, or parsed and then cached.

    `version` is the adapter's, `settings` whatever else decides what comes out; `parse` returns the entries and the
    missing articles by corpus. Paths do not count, only names and bytes: a moved corpus stays in the cache.
    """
    parts = [f"{LAYOUT}/{version}", json.dumps(settings or {}, sort_keys=True)]
    parts += [f"{source.name} {file_sha256(source)}" for source in sources]
    revision = digest("\n".join(parts))
    folder = cache_folder() / f"{name}-{revision}"
    found = _read(folder)
    if found is None:
        entries, missing = parse()
        found = to_splits(entries), missing
        try:
            _write(folder, *found)
        except OSError as e:  # a full disk or a read-only home must not keep anybody from working
            log.warning("%s: not cached: %s", folder, e.strerror)
    splits, missing = found
    return Dataset(name, revision, card, splits, missing)


def _read(folder: Path) -> tuple[dict[str, hf.Dataset], dict[str, int]] | None:
    """A cache entry, or None when it is absent or damaged."""
    if not (folder / MANIFEST).is_file():
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq
    from datasets import Dataset as HfDataset
    from datasets.table import InMemoryTable

    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        # Not Dataset.from_parquet: that copies everything into the global Hugging Face cache.
        splits = {s: HfDataset(InMemoryTable(pq.read_table(folder / f"{s}.parquet"))) for s in manifest["splits"]}
        whole = all(rows.num_rows == manifest["splits"][split] for split, rows in splits.items())
        return (splits, manifest["missing"]) if whole else None
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return None


def _write(folder: Path, splits: Mapping[str, hf.Dataset], missing: Mapping[str, int]) -> None:
    """Write a cache entry whole or not at all. Two processes may do so at once: the last one wins, with the same
    content."""
    import pyarrow.parquet as pq

    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent, ignore_cleanup_errors=True) as part:
        new = Path(part, "entry")
        new.mkdir()
        for split, rows in splits.items():
            pq.write_table(rows.data.table, new / f"{split}.parquet")
        manifest = {"splits": {split: rows.num_rows for split, rows in splits.items()}, "missing": dict(missing)}
        (new / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        if folder.exists():  # damaged, or just written by another process
            shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
