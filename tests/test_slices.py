"""Slices of gold rows: where a sentence stands, whether it is quoted, how long its article is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from research.articles import segment
from research.cli import app
from research.records import TASKS, Article, Claim, Row, Sentence, examples_for, gold_rows

PARAGRAPHS = (
    "Ministry denies it",
    "The ministry denied it on Monday. Nobody was hurt.",
    '"We have asked twice," a man said. "No answer. Not one.',
    '"Not one word." Officials called it “regrettable”.',
    "Rain fell. Work went on.",
)


def article(paragraphs: tuple[str, ...] = PARAGRAPHS, **known: str) -> Article:
    cut = segment(Article("a", "\n\n".join(paragraphs)))
    sentences = tuple(Sentence(s.start, s.end, s.text, ()) for s in cut.sentences)
    return replace(cut, sentences=sentences, **known)


def found(given: Article, field: str) -> dict[str, str]:
    return {given.text[r.start : r.end]: r.fields[field] for r in gold_rows_of("attribution", given)}


def gold_rows_of(task: str, given: Article) -> list[Row]:
    return gold_rows(TASKS[task], examples_for(TASKS[task], [given]))


def test_positions() -> None:
    expected = ["headline", *["lead"] * 2, *["first half"] * 4, *["second half"] * 3]
    assert list(found(article(), "position").values()) == expected


@pytest.mark.parametrize(
    ("given", "first"),
    [
        (article(title="Ministry denies it"), "headline"),
        (article(title="Another title"), "lead"),  # the text does not hold its title
        (article(PARAGRAPHS[1:]), "lead"),
        (article(("Nothing but this",)), "lead"),  # a single sentence is no headline
    ],
)
def test_what_is_a_headline(given: Article, first: str) -> None:
    assert next(iter(found(given, "position").values())) == first


def test_quoted_is_what_stands_mostly_inside_quotation_marks() -> None:
    yes = [text for text, quoted in found(article(), "quoted").items() if quoted == "yes"]
    assert yes == ['"We have asked twice," a man said.', '"No answer.', "Not one.", '"Not one word."']


@pytest.mark.parametrize(("sentences", "length"), [(10, "short"), (11, "medium"), (25, "medium"), (26, "long")])
def test_length_is_that_of_the_article_in_sentences(sentences: int, length: str) -> None:
    given = article(("It rained.",) * sentences, primary="background")
    assert {row.fields["length"] for row in gold_rows_of("attribution", given)} == {length}
    (row,) = gold_rows_of("primary", given)
    assert row.fields == {"length": length}  # an article is at no position


def test_no_slice_is_made_up_or_replaces_a_field() -> None:
    bare = Article("a", "Text", claims=(Claim("c", "So it is.", "denies"),))
    assert gold_rows_of("stance", bare)[0].fields == {}
    own = replace(article(), fields={"position": "page 3", "corpus": "mine"})
    assert {row.fields["position"] for row in gold_rows_of("attribution", own)} == {"page 3"}


def test_score_by_position(tmp_path: Path) -> None:
    gold = gold_rows_of("attribution", article())
    for name, rows in (("gold", gold), ("predicted", [replace(row, fields={}) for row in gold])):
        (tmp_path / name).write_text("".join(json.dumps(row.to_json()) + "\n" for row in rows), encoding="utf-8")
    files = [str(tmp_path / "gold"), str(tmp_path / "predicted")]
    done = CliRunner().invoke(app, ["score", *files, "--by", "position", "--format", "jsonl"])
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    parts = {line["part"]: (line["n"], line["articles"]) for line in lines}
    assert list(parts) == ["headline", "lead", "first half", "second half"]
    assert (parts["headline"], parts["lead"]) == ((1, 1), (2, 1))
    assert sum(n for n, _ in parts.values()) == len(gold)
