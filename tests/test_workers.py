"""Pages parsed in several processes: the same articles in the same order, and what a bad page costs."""

import multiprocessing
from collections.abc import Iterator
from itertools import islice

import pytest

from research.articles import workers
from research.articles.texts import Document, Problem
from research.articles.workers import FEW, Item, parse_documents
from research.records import Article

PAGE = """<html><head><title>Title {i}</title></head><body><article><h1>Title {i}</h1>
<p>The council of Lintel said on Monday that matter {i} was closed.</p></article></body></html>"""
SLOW = "".join(f"<p>Sentence number {i} of a very long page.</p>" for i in range(60_000))  # some seconds


def items(count: int) -> Iterator[Item]:
    for i in range(count):
        if i % 10 == 3:
            yield Problem(str(i), "no text")
        elif i % 10 == 4:
            yield Article(str(i), "Text.", str(i))
        elif i % 10 == 5:
            yield Document("object", str(i), decoded={"article_id": str(i), "html": PAGE.format(i=i)})
        else:
            yield Document("page", str(i), str(i), PAGE.format(i=i).encode())


def test_processes_parse_the_same_in_the_same_order() -> None:
    here = list(parse_documents(items(120)))
    assert [item.origin for item in here] == [str(i) for i in range(120)]
    assert list(parse_documents(items(120), 2)) == here


def test_few_pages_start_no_process() -> None:
    found = parse_documents(items(FEW), 2)
    assert len(list(islice(found, FEW))) == FEW and not multiprocessing.active_children()


def test_no_more_is_read_than_fits_the_window() -> None:
    asked = 0

    def counted() -> Iterator[Item]:
        nonlocal asked
        for item in items(2000):
            asked += 1
            yield item

    found = parse_documents(counted(), 2)
    for _ in range(FEW + 50):
        next(found)
    assert asked <= FEW + 50 + 2 * workers.AHEAD + 1
    found.close()  # type: ignore[attr-defined]
    assert not multiprocessing.active_children()


def test_a_page_that_takes_too_long_costs_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "SECONDS", 4.0)
    monkeypatch.setattr(workers, "FEW", 0)
    given = [*items(8), Document("page", "slow", "slow", SLOW.encode()), *items(8)]
    found = list(parse_documents(given, 2))
    problem = Problem("slow", "ended its parser: too much for the memory, or over 4 s")
    assert found == [*parse_documents(items(8)), problem, *parse_documents(items(8))]


def test_a_large_page_has_a_limit_of_time_with_one_worker_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "SECONDS", 3.0)
    found = list(parse_documents([*items(2), Document("page", "slow", "slow", SLOW.encode())], 1))
    assert found[2] == Problem("slow", "ended its parser: too much for the memory, or over 3 s")
