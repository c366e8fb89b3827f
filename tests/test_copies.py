"""Copies in a stream: edited, cut and dressed-up versions of one story are one group, follow-ups are not."""

import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from research.articles.copies import Copies, OutletCount, OutletCounter
from research.config import Shipped
from research.datasets import load_dataset
from research.records import Article
from research.workflows.reading import CopiesWanted, Wanted

Edit = Callable[[list[str]], list[str]]
STORY = "oil-tanker-attack-1"
EDITS: dict[str, Edit] = {
    "another headline": lambda paragraphs: ["Fire at sea: what we know", *paragraphs[1:]],
    "no headline": lambda paragraphs: paragraphs[1:],
    "a paragraph dropped": lambda paragraphs: paragraphs[:2] + paragraphs[3:],
    "cut to its first half": lambda paragraphs: [(whole := "\n\n".join(paragraphs))[: len(whole) // 2]],
    "an outlet's own first line": lambda paragraphs: ["The Marl Courier. All news, every hour, for free.", *paragraphs],
    "other quotation marks": lambda paragraphs: [p.translate({34: "“", 39: "’"}) for p in paragraphs],
    "capitals": lambda paragraphs: [p.upper() for p in paragraphs],
    "every twentieth word replaced": lambda paragraphs: [every_twentieth("\n\n".join(paragraphs))],
}


def every_twentieth(text: str) -> str:
    return " ".join("indeed" if place % 20 == 7 else word for place, word in enumerate(text.split(" ")))


@pytest.fixture(scope="module")
def shipped() -> list[Article]:
    data = load_dataset(Shipped())
    return [article for split in data.splits for article in data.articles(split)]


@pytest.fixture(scope="module")
def story(shipped: list[Article]) -> Article:
    return next(article for article in shipped if article.article_id == STORY)


def groups(*articles: Article) -> list[str]:
    copies = Copies()
    return [copies.group(article) for article in articles]


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edited_story_is_a_copy_whichever_comes_first(story: Article, edit: Edit) -> None:
    edited = Article("edited", "\n\n".join(edit(story.text.split("\n\n"))))
    assert edited.text != story.text
    assert groups(story, edited) == [STORY, STORY]
    assert groups(edited, story) == ["edited", "edited"]


def test_stories_of_one_event_are_not_copies(shipped: list[Article]) -> None:
    assert groups(*shipped) == [article.article_id for article in shipped]


def test_a_follow_up_with_some_old_sentences_is_no_copy(shipped: list[Article]) -> None:
    pairs = [(a, b) for a, b in pairwise(shipped) if a.event == b.event]
    assert len(pairs) > 100
    for first, second in pairs:
        new = [sentence.text for sentence in second.sentences]
        old = [sentence.text for sentence in first.sentences[: len(new) // 5]]
        follow_up = Article("follow-up", " ".join(new[: len(new) - len(old)] + old))
        assert groups(first, follow_up) == [first.article_id, "follow-up"]


def test_a_brief_is_no_copy_of_the_long_story_that_begins_like_it(story: Article) -> None:
    brief = Article("brief", story.text[: len(story.text) // 5])
    assert groups(story, brief) == [STORY, "brief"]
    assert groups(brief, story) == ["brief", STORY]


def test_ids_may_recur_in_a_stream(shipped: list[Article]) -> None:
    one, two, three, four = (replace(article, article_id="a") for article in shipped[::40][:4])
    taken = replace(three, article_id="a#2")
    assert groups(one, two, one, two) == ["a", "a#2", "a", "a#2"]
    assert groups(taken, one, two, four) == ["a#2", "a", "a#3", "a#4"]


def test_short_texts_are_copies_when_all_words_are_the_same() -> None:
    texts = ["The bridge is closed.", "THE BRIDGE IS CLOSED!", "The bridge is closed today.", "...", "...", "\ud800 ?"]
    articles = [Article(str(place), text) for place, text in enumerate(texts)]
    assert groups(*articles) == ["0", "0", "2", "3", "4", "5"]


def test_a_stream_is_grouped_as_it_comes(story: Article) -> None:
    asked = []

    def stream() -> Iterator[Article]:
        for name in ("one", "two"):
            asked.append(name)
            yield replace(story, article_id=name, fields={"corpus": "own"})

    grouped = Wanted(copies=CopiesWanted.mark).choose(stream(), lambda *_: pytest.fail())
    first = next(grouped)
    known = {"language": "en", "corpus": "own"}
    assert asked == ["one"]
    assert (first.article_id, first.text, first.fields) == ("one", story.text, known | {"group": "one"})
    assert [(article.article_id, article.fields["group"]) for article in grouped] == [("two", "one")]


def test_outlets_are_counted_with_their_copies() -> None:
    rows = [("Courier", "a"), ("Gazette", "a"), ("Gazette", "b"), ("Courier", "b"), (None, "a"), ("Gazette", "b")]
    articles = [Article("x", "Text.", outlet=outlet, fields={"group": group}) for outlet, group in rows]
    alone = Article("x", "Text.", outlet="Gazette")
    counter = OutletCounter()
    for one in [*articles, alone, alone]:
        counter.add(one)
    found = counter.counts()
    assert found == [OutletCount("Gazette", 5, 3), OutletCount("Courier", 2, 1), OutletCount(None, 1, 0)]
    assert [count.copies for count in found] == [2, 1, 1]


def test_a_group_takes_little_memory_and_a_copy_none(shipped: list[Article]) -> None:
    copies = Copies()
    copies.group(Article("first", "So that nothing is imported while memory is counted."))
    tracemalloc.start()
    for article in shipped:
        copies.group(article)
    grown, _ = tracemalloc.get_traced_memory()
    for article in shipped:
        copies.group(replace(article, article_id="copy"))
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown / len(shipped) < 3500
    assert (after - grown) / len(shipped) < 50
