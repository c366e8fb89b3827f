"""Claims as people keep them: a line each, a table, or JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from research.records import Claim, ResearchError

KINDS = (".txt", ".csv", ".jsonl")


def claims_of(given: Sequence[str], file: Path | None) -> tuple[Claim, ...]:
    """The claims given one by one, called c1, c2 ..., and those of `file` (`read_claims`)."""
    for text in given:
        if not text.strip():
            raise ResearchError('--claim: expected a sentence, such as --claim "The bridge was closed."')
    claims = [Claim(f"c{i}", " ".join(text.split())) for i, text in enumerate(given, start=1)]
    claims += read_claims(file) if file else ()
    ids = [claim.claim_id for claim in claims]
    if again := next((i for i in ids if ids.count(i) > 1), None):
        raise ResearchError(f"claim_id '{again}' is given twice")
    return tuple(claims)


def read_claims(file: Path) -> list[Claim]:
    """The claims of a UTF-8 file: .txt with one on each line, called by the number of the line; .csv with the columns
    claim_id and claim; .jsonl with these keys. ResearchError names the file and the line."""
    if file.suffix.lower() not in KINDS:
        raise ResearchError(f"{file}: not a file of claims (known: {', '.join(KINDS)})")
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise ResearchError(f"{file}: no such file") from None
    except (OSError, UnicodeDecodeError) as e:
        raise ResearchError(f"{file}: cannot be read: {getattr(e, 'strerror', None) or 'not UTF-8'}") from None
    read = {".txt": _plain, ".csv": _table, ".jsonl": _objects}[file.suffix.lower()]
    found = []
    for number, given in read(lines):
        claim_id, claim = (given.get(key) for key in ("claim_id", "claim"))
        if isinstance(claim_id, int):
            claim_id = str(claim_id)
        if not (isinstance(claim_id, str) and claim_id.strip() and isinstance(claim, str) and claim.strip()):
            raise ResearchError(f"{file}:{number}: expected claim_id and claim, both with text")
        found.append(Claim(claim_id.strip(), " ".join(claim.split())))
    if not found:
        raise ResearchError(f"{file}: no claims in it")
    return found


def _plain(lines: Sequence[str]) -> Iterator[tuple[int, Mapping[str, object]]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, {"claim_id": str(number), "claim": line}


def _table(lines: Sequence[str]) -> Iterator[tuple[int, Mapping[str, object]]]:
    reader = csv.DictReader(lines)
    for row in reader:
        yield reader.line_num, row


def _objects(lines: Sequence[str]) -> Iterator[tuple[int, Mapping[str, object]]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                given = json.loads(line)
            except ValueError:
                given = None
            yield number, given if isinstance(given, Mapping) else {}
