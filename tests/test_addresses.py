"""Fetching: what an address may answer, and the manners: robots.txt, a delay per host, busy servers."""

import gzip
import time
import zlib
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from research.articles import read_articles
from research.articles.addresses import Fetcher, is_local
from research.articles.answers import USER_AGENT, Limits
from research.records import ResearchError

PAGE = """<html><head><title>Quay floods | Lintel Post</title></head><body><article><h1>Quay floods</h1>
<p>The quay near the café was flooded on Monday, the council of Lintel said.</p></article></body></html>"""
TEXT = "Quay floods\n\nThe quay near the café was flooded on Monday, the council of Lintel said."


def read(*sources: str, fetcher: Fetcher | None = None) -> tuple[list[Any], list[tuple[str, str]]]:
    problems: list[tuple[str, str]] = []
    found = read_articles(sources, lambda origin, message: problems.append((origin, message)), fetcher=fetcher)
    return list(found), problems


def moved(to: str) -> tuple[int, dict[str, str], bytes]:
    return 302, {"Location": to}, b""


def test_page_of_an_address(site: Any) -> None:
    latin = (200, {"Content-Type": "text/html; charset=latin-1"}, PAGE.encode("latin-1"))
    site.routes |= {"/moved": moved("/page"), "/page": latin, "/caf%C3%A9": latin}
    articles, problems = read(f"{site.url}/moved", f"{site.url}/café")
    assert not problems
    assert [(a.article_id, a.origin, a.url, a.text) for a in articles] == [
        (f"{site.url}/moved", f"{site.url}/moved", f"{site.url}/page", TEXT),
        (f"{site.url}/café", f"{site.url}/café", f"{site.url}/caf%C3%A9", TEXT),
    ]
    assert articles[0].fields["fetched"][:2] == "20" and articles[0].fields["fetched"].endswith("+00:00")


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("gzip", lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data)[2:-4]),
    ],
)
def test_packed_answer_is_unpacked(site: Any, encoding: str, pack: Any) -> None:
    site.routes["/page"] = (200, {"Content-Encoding": encoding}, pack(PAGE.encode()))
    (article,), _ = read(f"{site.url}/page")
    assert article.text == TEXT


@pytest.mark.parametrize(
    ("route", "message"),
    [
        ((404, {}, b""), "HTTP 404 Not Found"),
        (moved("/bad"), "more than 5 redirects"),
        (moved("ftp://arrel.example/a"), "redirects to ftp://arrel.example/a; only http and https are followed"),
        (moved("file:///tmp/a"), "redirects to file:///tmp/a; only http and https are followed"),
        (b"x" * (20 * 2**20 + 1), "page is larger than 20 MB"),
        ((200, {"Content-Length": "25"}, b"x" * 10), "connection closed 15 bytes before the end of the page"),
        ((200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(21 * 2**20))), "unpacks to more than 20 MB"),
        ((200, {"Content-Encoding": "gzip"}, gzip.compress(b"x" * 99)[:20]), "compressed data that are cut off"),
        ((200, {"Content-Encoding": "br"}, b"x"), "answers in the encoding 'br', which was not asked for"),
        ((200, {}, b" "), "no text"),
        ((200, {"Content-Type": "image/png"}, b"\x89PNG\0"), "looks like a binary file"),
    ],
)
def test_address_that_cannot_be_read(site: Any, route: Any, message: str) -> None:
    site.routes["/bad"] = route
    assert read(f"{site.url}/bad") == ([], [(f"{site.url}/bad", message)])


def test_robots_are_respected_with_wildcards_and_for_this_program(site: Any) -> None:
    site.routes |= {
        "/robots.txt": b"User-agent: *\nDisallow: /*?print\n\nUser-agent: other\nDisallow: /",
        "/a": PAGE.encode(),
    }
    articles, problems = read(f"{site.url}/a", f"{site.url}/a?print=1")
    assert len(articles) == 1
    assert problems == [(f"{site.url}/a?print=1", "robots.txt of this host forbids it")]
    assert [path for path, _ in site.asked] == ["/robots.txt", "/a"]


@pytest.mark.parametrize(("status", "read_pages"), [(403, 2), (404, 2), (503, 0)])
def test_robots_that_cannot_be_had(site: Any, status: int, read_pages: int) -> None:
    site.routes |= {"/robots.txt": (status, {}, b""), "/a": PAGE.encode(), "/b": PAGE.encode()}
    articles, problems = read(f"{site.url}/a", f"{site.url}/b")
    assert len(articles) == read_pages
    assert {m for _, m in problems} <= {"robots.txt of this host answers HTTP 503: refused for now"}
    assert [path for path, _ in site.asked].count("/robots.txt") == 1


def test_robots_hold_behind_a_redirect(site: Any) -> None:
    site.routes |= {"/robots.txt": b"User-agent: *\nDisallow: /secret", "/a": moved("/secret")}
    assert read(f"{site.url}/a")[1] == [(f"{site.url}/a", "robots.txt of this host forbids it")]


@pytest.mark.parametrize(
    ("delay", "robots", "least"),
    [(0.2, b"", 0.2), (0.0, b"User-agent: *\nCrawl-delay: 0.2", 0.2), (0.0, b"User-agent: *\nCrawl-delay: 900", 0.25)],
)
def test_a_host_is_asked_slowly(site: Any, delay: float, robots: bytes, least: float) -> None:
    site.routes |= {"/robots.txt": robots, "/a": PAGE.encode(), "/b": PAGE.encode()}
    articles, _ = read(f"{site.url}/a", f"{site.url}/b", fetcher=Fetcher(Limits(delay=delay, crawl_delay=0.25)))
    _, first, second = (seconds for _, seconds in site.asked)
    assert len(articles) == 2 and least <= second - first < 5


@pytest.mark.parametrize(
    ("said", "times"), [("0", 2), ("Tue, 05 Mar 2024 10:00:00 GMT", 2), ("900", 1), ("soon", 1), ("", 1)]
)
def test_busy_server_is_asked_again_once_if_it_says_when(site: Any, said: str, times: int) -> None:
    site.routes["/a"] = (429, {"Retry-After": said}, b"")
    assert read(f"{site.url}/a")[1] == [(f"{site.url}/a", "HTTP 429 Too Many Requests")]
    assert [path for path, _ in site.asked].count("/a") == times


def test_slow_answers_end_at_the_deadline(site: Any) -> None:
    def drip(request: BaseHTTPRequestHandler) -> None:
        for piece in (b"HTTP/1.0 200 OK\r\n", b"Content-Type: text/html\r\n\r\n") if request.path == "/body" else ():
            request.wfile.write(piece)
        for _ in range(200):
            request.wfile.write(b"x")
            time.sleep(0.05)

    site.routes |= {"/head": drip, "/body": drip}
    began = time.monotonic()
    _, problems = read(f"{site.url}/head", f"{site.url}/body", fetcher=Fetcher(Limits(deadline=0.5)))
    assert [message for _, message in problems] == ["page took longer than 0.5 s"] * 2
    assert time.monotonic() - began < 5


def test_silent_server_is_left(site: Any) -> None:
    site.routes["/a"] = lambda request: time.sleep(2)
    _, problems = read(f"{site.url}/a", fetcher=Fetcher(Limits(silence=0.3)))
    assert problems == [(f"{site.url}/a", "no answer within 0.3 s")]


def test_a_stranger_leads_to_no_private_address() -> None:
    with pytest.raises(
        ResearchError, match=r"^names http://127\.0\.0\.1:9/a, an address on this machine or its network$"
    ):
        Fetcher().fetch("http://127.0.0.1:9/a", found_on="http://1.1.1.1/feed")
    with pytest.raises(ResearchError, match=r"^names gopher://a; only http"):
        Fetcher().fetch("gopher://a", found_on="http://127.0.0.1/")
    locals_ = [
        "127.0.0.1",
        "localhost",
        "10.1.2.3",
        "169.254.169.254",
        "0.0.0.0",
        "::1",
        "::ffff:192.168.0.1",
        "2130706433",
    ]
    assert all(is_local(host) for host in locals_)
    assert not any(is_local(host) for host in ["1.1.1.1", "2606:4700::1111", "no.such.host.invalid"])


def test_the_program_names_itself(site: Any) -> None:
    seen: list[str] = []
    site.routes["/a"] = lambda request: seen.append(request.headers["User-Agent"])
    read(f"{site.url}/a")
    assert seen == [USER_AGENT]
