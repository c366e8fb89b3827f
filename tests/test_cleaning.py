"""Cleaning: the corpus of dirty inputs, what is promised for any text, and the options of the command line."""

import json
from collections import Counter
from pathlib import Path

import pytest
from dirty import BLIND, FRESH, HELD, NEW, SEEN, Case, Counts, judge, load
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from research.articles import read_articles
from research.articles.cleaning import clean
from research.articles.furniture import furniture
from research.cli import app

STORY = """Office says the Vell bridge stands
By Tamsin Oyle, Staff Writer
4 May 2031

The harbour office in Vell denied on Tuesday that the old bridge had collapsed.

ADVERTISEMENT

"It stands, and it will stand," its head, Ilan Prest, told reporters at the bridge.

Also read: Ten bridges to see before you die

Two fishermen said that they had heard a crack. They may have heard the ice.

Share on Facebook
© 2031 Vell Courier. All rights reserved.
"""


def cleaned(case: Case) -> list[tuple[str | None, str]]:
    problems: list[tuple[str, str]] = []
    found = list(read_articles([str(case.path)], lambda *problem: problems.append(problem)))
    assert not problems
    return [(article.title, article.text) for article in found]


def research(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


# The floors lie a little below what bench_cleaning.py shows; separation is exact.
@pytest.mark.parametrize(
    ("folders", "furniture_removed", "titles"),
    [((SEEN, HELD), 0.975, 0.98), ((FRESH,), 0.975, 1.0), ((BLIND,), 0.955, 0.97), ((NEW,), 0.93, 1.0)],
)
def test_dirty_inputs(folders: tuple[Path, ...], furniture_removed: float, titles: float) -> None:
    cases = [case for folder in folders for case in load(folder)]
    shares = sum((judge(case.expected, cleaned(case)) for case in cases), Counts()).shares()
    assert shares["sentences kept"] >= 0.995
    assert shares["furniture removed"] >= furniture_removed
    assert shares["files separated"] == 1.0
    assert shares["titles once"] >= titles


def test_a_text_without_furniture_is_not_touched() -> None:
    cases = [case for folder in (SEEN, HELD, FRESH, BLIND, NEW) for case in load(folder) if case.path.suffix == ".txt"]
    tidy = [case for case in cases if not case.expected["furniture"] and len(case.expected["articles"]) == 1]
    assert len(tidy) >= 20
    for case in tidy:
        raw = case.path.read_bytes().decode("utf-8-sig")
        assert [one.text for one in clean(raw)] == [raw], case.name


def test_each_removal_is_told_by_rule_and_span() -> None:
    (found,) = clean(STORY)
    assert found.title == "Office says the Vell bridge stands"
    assert [removal.rule for removal in found.removals] == ["byline", "date", "advert", "related", "share", "footer"]
    assert all(STORY[removal.start : removal.end] == removal.text for removal in found.removals)
    assert found.text.split("\n\n")[1:] == [
        "The harbour office in Vell denied on Tuesday that the old bridge had collapsed.",
        '"It stands, and it will stand," its head, Ilan Prest, told reporters at the bridge.',
        "Two fishermen said that they had heard a crack. They may have heard the ice.",
    ]


def test_several_articles_in_a_text_have_numbers(tmp_path: Path) -> None:
    other = STORY.replace("bridge", "ferry").replace("Vell", "Marrin").replace("Tamsin Oyle", "Bram Sollis")
    (tmp_path / "dump.txt").write_text(STORY + "\n" + other, encoding="utf-8")
    first, second = read_articles([str(tmp_path / "dump.txt")], lambda *_: pytest.fail())
    assert (first.article_id, second.article_id) == ("dump.txt#1", "dump.txt#2")
    assert (first.title, second.title) == ("Office says the Vell bridge stands", "Office says the Marrin ferry stands")
    (whole,) = read_articles([str(tmp_path / "dump.txt")], lambda *_: pytest.fail(), raw=True)
    assert whole.text == STORY + "\n" + other and not whole.removals


@given(st.text(max_size=400) | st.lists(st.sampled_from([*STORY.splitlines(), "", "1. One", "* * *"])).map("\n".join))
def test_every_character_is_kept_or_removed_once(text: str) -> None:
    if "&" in text:  # entities are decoded
        return
    for found in clean(text, several=False):
        removed = "".join(removal.text for removal in found.removals)
        assert Counter("".join((found.text + removed).split())) == Counter("".join(text.split()))
        assert all(text[r.start : r.end] == r.text for r in found.removals)
    for found in clean(text):
        assert found.text.strip()


@pytest.mark.parametrize(
    "line",
    [
        "Share prices fell by a third on Tuesday.",
        "He declined to comment.",
        "“Follow us,” the preacher told the crowd.",
        "The ministry said the cookies had been poisoned, and that we should not accept them.",
        "By Friday the army had left.",
        "Please respect our privacy at this time.",
        "Oil rose to 80 dollars a barrel.",
        "Photo: the minister feeds a goat. That was the caption, and nobody minded.",
        "Residents were told to read more about the plan at the town hall.",
        "No.",
    ],
)
def test_sentences_that_look_like_furniture(line: str) -> None:
    assert furniture(line) is None


def test_explain_tells_what_was_removed(tmp_path: Path) -> None:
    file = tmp_path / "story.txt"
    file.write_text(STORY, encoding="utf-8")
    done = research("classify", file, "--explain", "--format", "jsonl")
    place = STORY.index("ADVERTISEMENT")
    assert f"{file}:{place}-{place + 13}: advert: ADVERTISEMENT\n" in done.stderr
    assert "ADVERTISEMENT" not in done.stdout
    assert "ADVERTISEMENT" in research("classify", file, "--raw", "--format", "jsonl").stdout
    imported = json.loads(research("import", file).stdout)
    assert ["advert", place, place + 13] in imported["removed"]


def test_copies_are_marked_or_left_out(tmp_path: Path) -> None:
    text = " ".join(
        f"The office said that bridge number {i} in Vell would be closed on day {i * 7}." for i in range(20)
    )
    lines = [
        {"article_id": "a", "text": text, "outlet": "Vell Courier"},
        {"article_id": "b", "text": "Bridges close. " + text, "outlet": "Orrin Post"},
        {"article_id": "c", "text": STORY, "outlet": "Orrin Post"},
    ]
    file = tmp_path / "news.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    marked = research("classify", file, "--copies", "mark", "--format", "jsonl")
    assert [json.loads(line).get("group") for line in marked.stdout.splitlines()] == ["a", "a", "c"]
    assert "3 articles, 1 of them copies\n  Orrin Post: 2, copies 1\n  Vell Courier: 1, copies 0\n" in marked.stderr
    first = research("classify", file, "--copies", "first", "--format", "jsonl")
    assert [json.loads(line)["article_id"] for line in first.stdout.splitlines()] == ["a", "c"]
    assert "1 of them copies, left out" in first.stderr
    assert research("classify", file, "--copies", "some").stderr == "error: --copies some: expected all, mark, first\n"


def test_other_languages_are_reported_and_not_classified(tmp_path: Path) -> None:
    german = (
        "Das Verteidigungsministerium in Ferrow hat am Dienstag bestritten, dass Drohnen die Grenze überquert hätten. "
    )
    file = tmp_path / "news.jsonl"
    file.write_text("".join(json.dumps({"article_id": i, "text": t}) + "\n" for i, t in enumerate([german * 3, STORY])))
    done = research("classify", file, "--format", "jsonl")
    assert done.exit_code == 1 and "not English (its language is 'de')" in done.stderr
    assert [json.loads(line)["article_id"] for line in done.stdout.splitlines()] == ["1"]
    anyway = research("classify", file, "--any-language", "--format", "jsonl")
    assert [json.loads(line).get("language") for line in anyway.stdout.splitlines()] == ["de", "en"]
    imported = [json.loads(line) for line in research("import", file).stdout.splitlines()]
    assert [line["language"] for line in imported] == ["de", "en"]
