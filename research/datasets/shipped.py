"""The fictional corpus that comes with the package: shipped/*.yaml, one file an event.

The text of an article is its paragraphs joined by a blank line, the sentences of a paragraph by one space; the first
paragraph is the headline. Offsets are therefore computed, never written by hand, and cannot be wrong.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from research.config import Shipped, read_yaml
from research.datasets.card import read_cards
from research.datasets.dataset import SPLITS, Dataset, Entry
from research.datasets.problems import Problems
from research.datasets.store import cached
from research.records import ATTRIBUTION_LABELS, PRIMARY_LABELS, STANCE_LABELS, Article, Claim, ResearchError, Sentence

VERSION = 1
FOLDER = Path(__file__).parent / "shipped"

EVENT_KEYS = ("event", "kind", "split", "claims", "articles")
CLAIM_KEYS = ("claim_id", "claim")
ARTICLE_KEYS = ("article_id", "outlet", "register", "published", "primary", "stances", "paragraphs")
SENTENCE_KEYS = ("text", "labels", "rule")


def load_shipped(config: Shipped) -> Dataset:
    """The shipped corpus, with gold for attribution, primary and stance."""
    return load_events(FOLDER)


def load_events(folder: Path) -> Dataset:
    """The events in a folder of YAML files. ResearchError names file, article and sentence of every problem."""
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise ResearchError(f"{folder}: no event file (*.yaml)")
    return cached("shipped", read_cards()["shipped"], files, VERSION, lambda: (read_events(files), {}))


def read_events(files: list[Path]) -> list[Entry]:
    """The articles of all event files. Claims of one event may be judged in articles of another."""
    problems = Problems()
    events = []
    for file in files:
        try:
            event = read_yaml(file)
        except ResearchError as e:
            problems.add(str(e))
            continue
        if _keys(event, EVENT_KEYS, file.name, problems) and _event(event, file, problems):
            events.append((file, event))
    claims: dict[str, Claim] = {}
    for file, event in events:
        for claim in event["claims"]:
            if not _keys(claim, CLAIM_KEYS, f"{file.name}: claims", problems):
                continue
            if not all(isinstance(value, str) and value for value in claim.values()):
                problems.add(f"{file.name}: claims: expected text for claim_id and claim, found {list(claim.values())}")
                continue
            if claim["claim_id"] in claims:
                problems.add(f"{file.name}: claim_id '{claim['claim_id']}' is used twice")
            claims[claim["claim_id"]] = Claim(claim["claim_id"], claim["claim"])
    entries: dict[str, Entry] = {}
    for file, event in events:
        for number, raw in enumerate(event["articles"], start=1):
            named = raw.get("article_id") if isinstance(raw, dict) else None
            where = f"{file.name}: article {named or number}"
            known = len(problems.lines)
            if not _keys(raw, ARTICLE_KEYS, where, problems):
                continue
            _check_article(raw, where, claims, problems)
            if len(problems.lines) > known:
                continue
            if named in entries:
                problems.add(f"{where}: article_id is used twice")
            else:
                entries[raw["article_id"]] = _entry(raw, event, file, claims)
    problems.check()
    return list(entries.values())


def _keys(found: Any, keys: tuple[str, ...], where: str, problems: Problems) -> bool:
    """Whether `found` is a mapping with exactly these keys."""
    if not isinstance(found, dict):
        problems.add(f"{where}: expected the keys {', '.join(keys)}, found {type(found).__name__}")
        return False
    unknown = [str(key) for key in found if key not in keys]
    missing = [key for key in keys if key not in found]
    for key in unknown:
        problems.add(f"{where}: unknown key '{key}'; known: {', '.join(keys)}")
    for key in missing:
        problems.add(f"{where}: key '{key}' is missing")
    return not unknown and not missing


def _event(event: Mapping[str, Any], file: Path, problems: Problems) -> bool:
    known = len(problems.lines)
    if event["event"] != file.stem:
        problems.add(f"{file.name}: event is '{event['event']}', expected the file's name '{file.stem}'")
    _one_of(event["split"], SPLITS[1:], f"{file.name}: split", problems)
    for key in ("claims", "articles"):
        if not isinstance(event[key], list):
            problems.add(f"{file.name}: {key}: expected a list, found {type(event[key]).__name__}")
    return len(problems.lines) == known


def _one_of(value: Any, known: tuple[str, ...], where: str, problems: Problems) -> None:
    if value not in known:
        problems.add(f"{where}: unknown value '{value}'; known: {', '.join(known)}")


def _check_article(raw: Mapping[str, Any], where: str, claims: Mapping[str, Claim], problems: Problems) -> None:
    for key in ("article_id", "outlet", "register"):
        if not isinstance(raw[key], str) or not raw[key]:
            problems.add(f"{where}: {key}: expected text, found {raw[key]!r}")
    try:
        datetime.date.fromisoformat(str(raw["published"]))
    except ValueError:
        problems.add(f"{where}: published: expected a date as 2031-03-02, found '{raw['published']}'")
    _one_of(raw["primary"], PRIMARY_LABELS, f"{where}: primary", problems)
    stances = raw["stances"] if isinstance(raw["stances"], dict) else {}
    if stances is not raw["stances"]:
        problems.add(f"{where}: stances: expected claim_id: stance, found {type(raw['stances']).__name__}")
    for claim_id, stance in stances.items():
        if claim_id not in claims:
            problems.add(f"{where}: stances: no event has the claim '{claim_id}'")
        _one_of(stance, STANCE_LABELS, f"{where}: stances: {claim_id}", problems)
    paragraphs = raw["paragraphs"]
    if not (isinstance(paragraphs, list) and paragraphs and all(isinstance(p, list) and p for p in paragraphs)):
        problems.add(f"{where}: paragraphs: expected a list of lists of sentences, none empty")
        return
    if len(paragraphs[0]) != 1:
        problems.add(f"{where}: paragraphs: the first is the headline, one sentence; found {len(paragraphs[0])}")
    for number, sentence in enumerate((s for p in paragraphs for s in p), start=1):
        _check_sentence(sentence, f"{where}: sentence {number}", problems)


def _check_sentence(sentence: Any, where: str, problems: Problems) -> None:
    if not _keys(sentence, SENTENCE_KEYS, where, problems):
        return
    text, labels = sentence["text"], sentence["labels"]
    if not isinstance(text, str) or not text.strip():
        problems.add(f"{where}: text: expected text, found {text!r}")
    elif text != re.sub(r"\s+", " ", text).strip():
        problems.add(f"{where}: text: white space around it, doubled or a line break: {text[:40]!r}")
    if not isinstance(labels, list):
        problems.add(f"{where}: labels: expected a list, found {labels!r}")
    else:
        for label in labels:
            _one_of(label, ATTRIBUTION_LABELS, f"{where}: labels", problems)
        if len({str(label) for label in labels}) < len(labels):
            problems.add(f"{where}: labels: one stands twice: {labels}")
    if not isinstance(sentence["rule"], str) or not sentence["rule"]:
        problems.add(f"{where}: rule: expected the name of a rule, found {sentence['rule']!r}")


def _entry(raw: Mapping[str, Any], event: Mapping[str, Any], file: Path, claims: Mapping[str, Claim]) -> Entry:
    text, sentences, rules = "", [], []
    for paragraph in raw["paragraphs"]:
        for number, sentence in enumerate(paragraph):
            if text:
                text += " " if number else "\n\n"
            start = len(text)
            text += sentence["text"]
            # in the order of the codebook, so that the same gold always reads the same
            labels = tuple(label for label in ATTRIBUTION_LABELS if label in sentence["labels"])
            sentences.append(Sentence(start, len(text), sentence["text"], labels))
            rules.append(sentence["rule"])
    article = Article(
        article_id=raw["article_id"],
        text=text,
        origin=f"shipped/{file.name}",
        title=sentences[0].text,
        outlet=raw["outlet"],
        published=str(raw["published"]),
        event=event["event"],
        sentences=tuple(sentences),
        primary=raw["primary"],
        claims=tuple(Claim(c, claims[c].claim, stance) for c, stance in raw["stances"].items()),
        fields={"corpus": "shipped", "register": raw["register"], "kind": str(event["kind"])},
    )
    return Entry(event["split"], article, tuple(rules))
