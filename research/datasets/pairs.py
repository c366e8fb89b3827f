"""What the stance corpora share: pairs of a claim and a text become articles, each with all claims it is judged on."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from research.articles import segment
from research.datasets.dataset import Entry
from research.datasets.problems import Problems
from research.records import Article, Claim, ResearchError, Row


@dataclass(frozen=True, slots=True)
class Pair:
    """A line of such a corpus: an article by its id, a claim, and the stance."""

    article_id: str
    claim: str
    label: str


def judged_entries(split: str, articles: Mapping[str, Article], pairs: Iterable[Pair]) -> list[Entry]:
    """The articles of `pairs`, in the order they come in, cut into sentences, with their claims."""
    claims: dict[str, list[Claim]] = {}
    for pair, claim_id in _numbered(pairs):
        claims.setdefault(pair.article_id, []).append(Claim(claim_id, pair.claim, pair.label))
    return [
        Entry(split, segment(replace(articles[article_id], claims=tuple(found))))
        for article_id, found in claims.items()
    ]


def stance_rows(articles: Mapping[str, Article], pairs: Iterable[Pair]) -> list[Row]:
    """A published system's answers as rows: `label` is what it said."""
    return [
        Row("stance", pair.article_id, 0, len(articles[pair.article_id].text), (pair.label,), claim_id)
        for pair, claim_id in _numbered(pairs)
    ]


def read_csv(file: Path, columns: Iterable[str]) -> list[dict[str, str]]:
    """The lines of a UTF-8 CSV file that has these columns. ResearchError names the file and the missing column."""
    csv.field_size_limit(2**24)
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise ResearchError(f"{file}: no column '{missing[0]}'; found {', '.join(reader.fieldnames or ())}")
            return list(reader)
    except FileNotFoundError:
        raise ResearchError(f"{file}: no such file") from None
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise ResearchError(f"{file}: cannot be read: {' '.join(str(e).split())}") from None


def mapped(labels: Mapping[str, str], rows: Iterable[Mapping[str, str]], column: str, file: Path) -> list[str]:
    """The stance of each line by our names. ResearchError tells the lines with an unknown one."""
    problems = Problems()
    found = []
    for number, row in enumerate(rows, start=1):
        if row[column] not in labels:
            problems.add(f"{file}: row {number}: unknown {column} '{row[column]}'; known: {', '.join(labels)}")
        found.append(labels.get(row[column], ""))
    problems.check()
    return found


def claim_id_of(claim: str) -> str:
    """The same words are the same claim, in whatever article."""
    return hashlib.sha256(claim.encode()).hexdigest()[:10]


def _numbered(pairs: Iterable[Pair]) -> Iterator[tuple[Pair, str]]:
    """Each pair with its claim's id; a pair that comes again, as in FNC-1, has an id of its own, so that every line
    counts as it did for the published systems."""
    seen: Counter[tuple[str, str]] = Counter()
    for pair in pairs:
        claim_id = claim_id_of(pair.claim)
        seen[pair.article_id, claim_id] += 1
        again = seen[pair.article_id, claim_id]
        yield pair, claim_id if again == 1 else f"{claim_id}-{again}"
