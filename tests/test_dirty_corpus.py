"""The corpus of dirty inputs says of each file only what is true of it, and `judge` counts as it promises."""

import html
from html.parser import HTMLParser
from pathlib import Path

import pytest
from dirty import BLIND, FRESH, HELD, NEW, SEEN, Case, Counts, Expected, judge, load, plain

CASES = [*load(SEEN), *load(HELD), *load(FRESH), *load(BLIND), *load(NEW)]
TWO: Expected = {
    "articles": [
        {"title": "Mill shut", "sentences": ["The mill shut.", "No one would say why."]},
        {"title": "Dam holds", "sentences": ["The dam holds.", "It may not.", "No one would say why."]},
    ],
    "furniture": ["Share on Facebook", "Dam holds - Orvale Post"],
    "kind": "two",
}
MILL = ("Mill shut", "The mill shut. No one\nwould\u00a0say why.")
DAM = (None, "Dam holds\n\nThe dam\u200b holds. It may not. No one would say why.")


class Words(HTMLParser):
    """The text of a page, scripts and styles apart."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.inside = tag if tag in {"script", "style"} else ""

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.found.append(data)


def words(path: Path) -> str:
    text = path.read_text("utf-8")
    if path.suffix == ".txt":
        return plain(html.unescape(text))
    page = Words()
    page.feed(text)
    page.close()
    return plain("".join(page.found))


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_is_expected_stands_in_the_input(case: Case) -> None:
    articles, furniture, text = case.expected["articles"], case.expected["furniture"], words(case.path)
    wanted = [sentence for article in articles for sentence in article["sentences"]]
    wanted += [article["title"] for article in articles if article["title"]]
    assert all(string == plain(string) for string in wanted + furniture)
    assert [string for string in wanted + furniture if string not in text] == []
    assert [string for string in furniture if any(string in sentence for sentence in wanted)] == []
    assert all(article["sentences"] for article in articles)
    assert 150 <= len(text.split()) <= 700


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_sentences_alone_are_a_perfect_answer(case: Case) -> None:
    answer = [(article["title"], "\n".join(article["sentences"])) for article in case.expected["articles"]]
    assert set(judge(case.expected, answer).shares().values()) == {1.0}


def test_every_input_has_its_expectations_and_a_name_of_its_own() -> None:
    names = [(case.path.parent.name, case.name) for case in CASES]
    assert len(set(names)) == len(names)
    found = [(folder.name, path.stem) for folder in (SEEN, HELD, FRESH, BLIND, NEW) for path in folder.glob("*.json")]
    assert sorted(found) == sorted(names)


def sorts(folder: Path) -> dict[str, int]:
    cases = load(folder)
    several = sum(len(case.expected["articles"]) > 1 for case in cases)
    clean = sum(not case.expected["furniture"] for case in cases)
    pages = sum(case.path.suffix == ".html" for case in cases)
    return {"pages": pages, "several": several, "clean": clean, "files": len(cases)}


def test_both_halves_have_as_many_of_each_sort() -> None:
    assert sorts(SEEN) == sorts(HELD)
    assert min(sorts(SEEN).values()) >= 6


def test_the_later_parts_have_some_of_each_sort() -> None:
    assert sorts(FRESH) == {"pages": 9, "several": 4, "clean": 3, "files": 28}
    assert sorts(BLIND) == {"pages": 12, "several": 7, "clean": 5, "files": 40}
    assert sorts(NEW) == {"pages": 6, "several": 3, "clean": 1, "files": 16}


def test_nothing_is_furniture_in_a_clean_article() -> None:
    for case in CASES:
        assert case.expected["kind"].startswith("clean:") == (not case.expected["furniture"]), case.name


def test_judge_counts_a_right_answer_whatever_the_white_space() -> None:
    assert judge(TWO, [MILL, DAM]) == Counts(5, 5, 2, 2, 1, 1, 2, 2)


def test_judge_names_what_is_lost_and_what_is_left() -> None:
    counts = judge(TWO, [(None, "The mill shut.\nShare on Facebook"), ("Dam holds - Orvale Post", DAM[1])])
    assert counts.lost == ("No one would say why.",)
    assert counts.left == ("Share on Facebook", "Dam holds - Orvale Post")
    assert counts.shares() == {
        "sentences kept": 0.8,
        "furniture removed": 0.0,
        "files separated": 1.0,
        "titles once": 0.5,
    }


@pytest.mark.parametrize(
    ("articles", "kept", "separated"),
    [
        ([DAM, MILL], 2, 0),  # "No one would say why." stands in both
        ([("", f"{MILL[1]}\n{DAM[1]}")], 5, 0),
        ([("", f"{MILL[1]}\n{DAM[1]}"), DAM], 5, 0),
        ([MILL, DAM, ("", "Imprint")], 5, 0),
        ([MILL, ("", "It may not.")], 3, 1),
        ([MILL, ("", "")], 2, 0),
        ([], 0, 0),
    ],
    ids=["swapped", "as one", "one twice", "one too many", "sentences lost", "article lost", "nothing"],
)
def test_judge_tells_losing_from_mixing(articles: list[tuple[str | None, str]], kept: int, separated: int) -> None:
    counts = judge(TWO, articles)
    assert (counts.kept, counts.separated) == (kept, separated)


@pytest.mark.parametrize(
    ("title", "text", "once"),
    [
        ("Mill shut", "It did.", 1),
        (None, "MILL SHUT\nIt did.", 1),
        ("Mill shut", "Mill shut\nIt did.", 1),
        (None, "Mill shut\nMill  shut\nIt did.", 0),
        (None, "Mill shut, it did.", 0),
        ("Mill shut - Orvale Post", "It did.", 0),
    ],
)
def test_judge_looks_for_the_title_in_its_field_and_in_lines(title: str | None, text: str, once: int) -> None:
    expected: Expected = {
        "articles": [{"title": "Mill shut", "sentences": ["It did."]}],
        "furniture": [],
        "kind": "one",
    }
    assert judge(expected, [(title, text)]).once == once
