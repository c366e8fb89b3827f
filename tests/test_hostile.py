"""Input made to break its reader: never an exception, never more time or memory than the limits, one clear line."""

import gzip
import io
import resource
import time
from contextlib import suppress
from email.message import Message
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from research.articles import article_from_json, article_to_json, read_articles, segment
from research.articles.addresses import Fetcher
from research.articles.answers import Answer, Limits
from research.articles.archives import RECORD_LIMIT
from research.articles.robots import read_rules
from research.records import ResearchError

BOMB = gzip.compress(bytes(200 * 2**20))  # two hundred kilobytes
LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
DOCTYPE = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}<!ENTITY f SYSTEM "file:///etc/hostname">]>'
PAGE = b"<html><head><title>Quay</title></head><body><article><p>The quay was flooded on Monday.</p></article></body>"


def read(*sources: Path | str, fetcher: Fetcher | None = None) -> tuple[list[Any], list[tuple[str, str]]]:
    problems: list[tuple[str, str]] = []
    found = read_articles(
        [str(s) for s in sources], lambda origin, said: problems.append((origin, said)), fetcher=fetcher
    )
    articles = [segment(article) for article in found]
    for article in articles:
        assert all(article.text[s.start : s.end] == s.text and s.text.strip() for s in article.sentences)
        assert article_from_json(article_to_json(article), "x").text == article.text
    assert all(said and "\n" not in said and len(said) < 400 for _, said in problems), problems
    return articles, problems


@pytest.fixture
def no_more_memory() -> Any:
    """The test may use half a gigabyte more than the process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages + 2**29, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize("name", ["a.txt", "a.html", "a.pdf", "a.xml", "a.jsonl", "a.csv", "a.warc", "a.parquet", "a"])
def test_huge_file_is_one_problem(tmp_path: Path, name: str, no_more_memory: None) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(200 * 2**20)
    articles, problems = read(tmp_path / name)
    assert not articles and len(problems) == 1


@pytest.mark.parametrize(
    "name", ["a.txt.gz", "a.html.gz", "a.pdf.gz", "a.xml.gz", "a.jsonl.gz", "a.csv.gz", "a.warc.gz"]
)
def test_gzip_bomb_is_one_problem(tmp_path: Path, name: str, no_more_memory: None) -> None:
    (tmp_path / name).write_bytes(BOMB)
    articles, problems = read(tmp_path / name)
    assert not articles and len(problems) == 1


@pytest.mark.parametrize("tag", ["div", "b", "ul><li", "table><tr><td", "blockquote", "p", "font", "a"])
def test_tags_nested_ten_thousand_deep(tmp_path: Path, tag: str) -> None:
    (tmp_path / "deep.html").write_text(f"<html><body>{f'<{tag}>' * 10_000}The quay was flooded on Monday.")
    articles, problems = read(tmp_path / "deep.html")
    assert len(articles) + len(problems) == 1


def test_bomb_in_an_answer(site: Any, no_more_memory: None) -> None:
    site.routes["/bomb"] = (200, {"Content-Encoding": "gzip"}, BOMB)
    site.routes["/bomb.gz"] = (200, {"Content-Type": "application/gzip"}, BOMB)
    assert [said for _, said in read(f"{site.url}/bomb", f"{site.url}/bomb.gz")[1]] == [
        "unpacks to more than 20 MB",
        "unpacks to more than 64 MB",
    ]


def record(body: bytes, encoding: str = "identity", length: int | None = None) -> bytes:
    content = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: {encoding}\r\n\r\n".encode() + body
    size = len(content) if length is None else length
    return (
        b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example/\r\nWARC-Date: 2024-03-05T10:00:00Z\r\n"
        b"WARC-Record-ID: <urn:uuid:0>\r\nContent-Type: application/http\r\nContent-Length: %d\r\n\r\n"
        % size
        + content
        + b"\r\n\r\n"
    )


def test_bombs_in_an_archive_cost_their_records_alone(tmp_path: Path, no_more_memory: None) -> None:
    large = b"<p>" + bytes(RECORD_LIMIT)
    (tmp_path / "a.warc.gz").write_bytes(
        b"".join(gzip.compress(one) for one in (record(BOMB, "gzip"), record(large), record(PAGE)))
    )
    articles, problems = read(tmp_path / "a.warc.gz")
    assert [a.title for a in articles] == ["Quay"]
    assert [said for _, said in problems] == ["unpacks to more than 20 MB", "page is larger than 20 MB"]


@pytest.mark.parametrize("entity", ["&l9;", "&f;"])
def test_entities_are_not_expanded_and_no_file_is_read(tmp_path: Path, entity: str, no_more_memory: None) -> None:
    item = f"<item><title>{entity}</title><description>{entity}</description></item>"
    (tmp_path / "feed.xml").write_text(f"{DOCTYPE}<rss version='2.0'><channel>{item}</channel></rss>")
    (tmp_path / "map.xml").write_text(f"{DOCTYPE}<urlset><url><loc>{entity}</loc></url></urlset>")
    (tmp_path / "page.xml").write_text(f"{DOCTYPE}<html><body><p>{entity} was said on Monday.</p></body></html>")
    began = time.monotonic()
    articles, problems = read(*sorted(tmp_path.iterdir()))
    assert time.monotonic() - began < 20
    hostname = Path("/etc/hostname")
    secret = hostname.read_text().strip() if hostname.exists() else "no such name"
    said = [a.text for a in articles] + [message for _, message in problems]
    assert len(said) == 3 and all(len(one) < 500 and secret not in one for one in said)


def test_endless_list_of_links_to_a_dead_host_waits_for_it_once(tmp_path: Path, site: Any) -> None:
    def hang(request: BaseHTTPRequestHandler) -> None:
        site.asked.append(("hung", 0.0))
        time.sleep(1)

    site.routes["/robots.txt"] = hang
    urls = "".join(f"<url><loc>{site.url}/{i}</loc></url>" for i in range(50))
    (tmp_path / "map.xml").write_text(f"<urlset>{urls}</urlset>")
    _, problems = read(tmp_path / "map.xml", fetcher=Fetcher(Limits(silence=0.3)))
    assert {said for _, said in problems} == {"no answer within 0.3 s"} and len(problems) == 50
    assert site.asked.count(("hung", 0.0)) == 1


PDF = b"""%PDF-1.4
1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj
2 0 obj << /Type /Pages /Kids [3 0 R] /Count 1 >> endobj
3 0 obj << /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] /Contents 4 0 R
/Resources << /Font << /F1 5 0 R >> >> >> endobj
4 0 obj << /Length 38 >>
stream
BT /F1 11 Tf 7 70 Td (The quay.) Tj ET
endstream endobj
5 0 obj << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> endobj
trailer << /Size 6 /Root 1 0 R >>
startxref
0
%%EOF"""
RSS = (
    b'<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>Post</title><item>'
    b"<title>Quay</title><content:encoded><![CDATA[<p>It was flooded.</p>]]></content:encoded></item></channel></rss>"
)
SEEDS = {
    ".txt": "Quay floods\n\nThe café said “no”. Yes.".encode(),
    ".html": PAGE,
    ".jsonl": b'{"article_id": "a", "text": "One. Two.", "sentences": [[0, 4]], "html": null}\n{"html": "<p>a"}',
    ".csv": b'article_id,text\na,"One, two."\n',
    ".parquet": b"",
    ".pdf": PDF,
    ".warc": record(PAGE) + record(gzip.compress(PAGE), "gzip"),
    ".xml": RSS,
    ".map": b"<?xml version='1.0'?><urlset><url><loc>gopher://a/</loc></url></urlset>",
    ".html.gz": gzip.compress(PAGE),
}


def seed(suffix: str) -> bytes:
    """A sound file of the kind."""
    if suffix != ".parquet":
        return SEEDS[suffix]
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(pa.table({"text": ["One.", "Two."], "title": ["A", None]}), file)
    return file.getvalue()


@pytest.mark.parametrize("suffix", SEEDS)
def test_sound_file_is_read(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"sound{suffix}").write_bytes(seed(suffix))
    articles, problems = read(tmp_path / f"sound{suffix}")
    assert articles or [said for _, said in problems] == ["names gopher://a/; only http and https are followed"]


EDITS = st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=8)), max_size=6)


@pytest.mark.parametrize("suffix", SEEDS)
@given(edits=EDITS, cut=st.integers(0, 2000))
@settings(max_examples=60)
def test_damaged_file_never_raises(tmp_path_factory: pytest.TempPathFactory, suffix: str, edits: Any, cut: int) -> None:
    data = bytearray(seed(suffix))
    for place, written in edits:
        at = place % (len(data) + 1)
        data[at : at + len(written)] = written
    path = tmp_path_factory.getbasetemp() / f"damaged{suffix}"
    path.write_bytes(bytes(data[:cut] if cut % 3 == 0 else data))
    read(path)


@pytest.mark.parametrize("suffix", [*SEEDS, ""])
@given(data=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
@settings(max_examples=40)
@example(data=b"\xff\xfe<\0r\0s\0s\0>\0")
@example(data=b"\xef\xbb\xbf{")
def test_any_bytes_never_raise(tmp_path_factory: pytest.TempPathFactory, suffix: str, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(data)
    read(path)


@given(
    rules=st.lists(
        st.sampled_from(["User-agent: *", "Disallow: ", "Crawl-delay: ", ":", "Allow: ", "é"]) | st.text(), max_size=9
    )
)
@settings(max_examples=60)
def test_any_robots_txt_is_rules(rules: list[str]) -> None:
    said = Answer("http://a.example/robots.txt", 200, "OK", Message(), "\n".join(rules).encode("utf-8", "replace"), "")
    found = read_rules(said)
    with suppress(ResearchError):
        found.check("http://a.example/é%zz?[")
    assert 0 <= min(found.delay, 30) <= 30
