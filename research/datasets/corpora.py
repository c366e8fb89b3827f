"""The five corpora behind attribution-gold: where a text of each may stand, given its key in the corpus.

Every function takes the corpus's folder and the keys wanted, and yields (key, text) candidates; a key may come more
than once, read in several ways. Whoever joins compares the sha256 of the text, so a wrong reading cannot pass. The
formats are those of the releases named in pins.yaml.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

Candidates = Iterator[tuple[str, str]]

ENCODINGS = ("utf-8-sig", "cp1252", "latin-1")
RUWA_CUT = 500  # characters kept of a headline or sub-heading


def fnc1(folder: Path, keys: set[str]) -> Candidates:
    """train_bodies.csv: Body ID, articleBody; quoted cells hold line breaks."""
    yield from ((row["Body ID"], row["articleBody"]) for row in _rows(folder / "train_bodies.csv", "utf-8"))


def polnear(folder: Path, keys: set[str]) -> Candidates:
    """<split>/text/<stem>.txt for the key <split>/<stem>; the repository has these under data/."""
    for key in keys:
        split, _, stem = key.partition("/")
        for root in (folder, folder / "data"):
            file = root / split / "text" / f"{stem}.txt"
            if file.is_file():
                yield key, file.read_bytes().decode("utf-8", "replace")


def fa_kes(folder: Path, keys: set[str]) -> Candidates:
    """A CSV with unit_id, article_title and article_content, in an encoding the release does not name."""
    for file in sorted(folder.glob("*.csv")):
        for encoding in ENCODINGS:
            for row in _rows(file, encoding):
                if (key := row.get("unit_id", "").strip()) in keys:
                    title, content = row.get("article_title", ""), row.get("article_content", "")
                    clean = [re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", part) for part in (title, content)]
                    yield key, "\n".join(clean)
                    yield key, "\n".join(part.strip() for part in clean)


def ukraine_news_bias(folder: Path, keys: set[str]) -> Candidates:
    """all-data-as-json/<key>.json: sentences with content and position_in_article."""
    for key in keys:
        for file in (folder / "all-data-as-json" / f"{key}.json", folder / f"{key}.json"):
            if file.is_file():
                try:
                    sentences = json.loads(file.read_text(encoding="utf-8"))["sentences"]
                    ordered = sorted(sentences, key=lambda s: int(s["position_in_article"]))
                    yield key, "\n".join(s["content"] for s in ordered)
                    yield key, "\n".join(s["content"].strip() for s in ordered)
                except (ValueError, KeyError, TypeError, AttributeError):
                    continue


def ruwa(folder: Path, keys: set[str]) -> Candidates:
    """CSV files with the columns ref (the article's address), title and desc; white space folded, cut."""
    for file in sorted(folder.rglob("*.csv")):
        for row in _rows(file, "utf-8-sig"):
            title, below = (re.sub(r"\s+", " ", row.get(name, "")).strip() for name in ("title", "desc"))
            for key in {row.get("ref", "").strip(), row.get("src", "").strip()} & keys:
                yield key, f"{title}\n{below}"
                yield key, f"{title}\n{below[:RUWA_CUT]}"
                yield key, f"{title}\n{below}"[:RUWA_CUT]


CORPORA: Mapping[str, Callable[[Path, set[str]], Candidates]] = {
    "fnc-1": fnc1,
    "polnear": polnear,
    "fa-kes": fa_kes,
    "ukraine-news-bias": ukraine_news_bias,
    "ruwa": ruwa,
}


def source_files(corpus: str, folder: Path, keys: set[str]) -> list[Path]:
    """The files of a corpus that its candidates for `keys` may come from, for the digest of the sources."""
    if corpus == "fnc-1":
        found = [folder / "train_bodies.csv"]
    elif corpus == "polnear":
        stems = [(key.partition("/")[0], f"{key.partition('/')[2]}.txt") for key in keys]
        found = [root / split / "text" / name for root in (folder, folder / "data") for split, name in stems]
    elif corpus == "ukraine-news-bias":
        found = [root / f"{key}.json" for root in (folder / "all-data-as-json", folder) for key in keys]
    else:
        found = list(folder.rglob("*.csv"))
    return sorted(file for file in found if file.is_file())


def _rows(file: Path, encoding: str) -> Iterator[dict[str, str]]:
    """The rows of a CSV file as text; a file that is not in this encoding, or no CSV, has none."""
    csv.field_size_limit(2**24)
    try:
        with file.open(encoding=encoding, newline="") as stream:
            for row in csv.DictReader(stream):
                yield {name: value for name, value in row.items() if isinstance(name, str) and isinstance(value, str)}
    except (UnicodeDecodeError, csv.Error, OSError):
        return
