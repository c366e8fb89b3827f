"""WARC files and packed files."""

import gzip
import zlib
from pathlib import Path
from typing import Any

import pytest

from research.articles import read_articles

PAGE = """<html><head><title>{title} | Lintel Post</title></head><body><article><h1>{title}</h1>
<p>The council of Lintel said on Monday that the café was closed.</p></article></body></html>"""
HTML = {"Content-Type": "text/html; charset=utf-8"}


def read(*sources: Path) -> tuple[list[Any], list[tuple[str, str]]]:
    problems: list[tuple[str, str]] = []
    found = read_articles([str(s) for s in sources], lambda origin, message: problems.append((origin, message)))
    return list(found), problems


def record(url: str, body: bytes, headers: dict[str, str] = HTML, status: int = 200, kind: str = "response") -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    content = f"HTTP/1.1 {status} OK\r\n{lines}\r\n".encode() + body
    head = {
        "WARC-Type": kind,
        "WARC-Target-URI": url,
        "WARC-Date": "2024-03-05T10:00:00Z",
        "WARC-Record-ID": "<urn:uuid:0>",
        "Content-Type": f"application/http; msgtype={kind}",
        "Content-Length": str(len(content)),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"WARC/1.0\r\n{lines}\r\n".encode() + content + b"\r\n\r\n"


def page(number: int) -> bytes:
    return PAGE.format(title=f"Title {number}").encode()


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (20, data[:20]) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(data) - 20, data[20:])


RECORDS = [
    record("http://post.example/1", page(1)),
    record("http://post.example/1", b"", kind="request"),
    record("http://post.example/2", page(2), status=404),
    record("http://post.example/3.png", b"\x89PNG", {"Content-Type": "image/png"}),
    record("http://post.example/4", gzip.compress(page(4)), HTML | {"Content-Encoding": "gzip"}),
    record("http://post.example/5", chunked(page(5)), HTML | {"Transfer-Encoding": "chunked"}),
    record(
        "http://post.example/6",
        chunked(zlib.compress(page(6))),
        HTML | {"Content-Encoding": "deflate", "Transfer-Encoding": "chunked"},
    ),
    record("http://post.example/7", page(7), HTML | {"Content-Encoding": "br", "Transfer-Encoding": "chunked"}),
    record("http://post.example/8", b"\x1f\x8b broken", HTML | {"Content-Encoding": "gzip"}),
    record("http://post.example/9", page(9), {"Content-Type": "application/xhtml+xml"}),
]


@pytest.mark.parametrize("packed", [False, True])
def test_responses_with_pages_are_articles(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / ("crawl.warc.gz" if packed else "crawl.warc")
    path.write_bytes(b"".join(gzip.compress(one) if packed else one for one in RECORDS))
    articles, problems = read(tmp_path)
    assert [(a.title, a.url, a.article_id, a.origin) for a in articles] == [
        (f"Title {i}", f"http://post.example/{i}", f"http://post.example/{i}", f"{path}:{place}")
        for i, place in ((1, 1), (4, 4), (5, 5), (6, 6), (7, 7), (9, 9))
    ]
    assert {a.fields["fetched"] for a in articles} == {"2024-03-05T10:00:00Z"}
    ((origin, message),) = problems
    assert origin == f"{path}:8" and message.startswith("compressed data that are damaged")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no responses in this WARC file"),
        (b"no archive", "not WARC that can be read, at its beginning: "),
        (
            b"WARC/1.0\r\n" + b"A" * 2**20,
            "not WARC that can be read, at its beginning: Maximum header length exceeded.",
        ),
    ],
)
def test_broken_archive_is_one_problem(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(content)
    articles, ((origin, said),) = read(path)
    assert not articles and origin == str(path) and said.startswith(message)


def test_archive_that_ends_early_keeps_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    path.write_bytes(RECORDS[0] + b"\0\0 not a record" + RECORDS[4])
    articles, problems = read(path)
    assert [a.title for a in articles] == ["Title 1"]
    assert problems == [(str(path), "not WARC that can be read, after response 1: Invalid WARC header")]


def test_packed_files_are_unpacked_as_they_are_read(tmp_path: Path) -> None:
    line = b'{"article_id": "a", "text": "One."}\n'
    for name, content in (
        ("a.txt.gz", b"Two."),
        ("b.jsonl.gz", line),
        ("c.html.gz", page(3)),
        ("d.csv.gz", b"text\nFour."),
    ):
        (tmp_path / name).write_bytes(gzip.compress(content))
    (tmp_path / "e.jsonl.gz").write_bytes(gzip.compress(line * 2)[:-12])
    (tmp_path / "f.txt.gz").write_bytes(b"no gzip")
    articles, problems = read(tmp_path)
    assert [a.text.splitlines()[0] for a in articles] == ["Two.", "One.", "Title 3", "Four.", "One."]
    assert [origin for origin, _ in problems] == [str(tmp_path / "e.jsonl.gz"), str(tmp_path / "f.txt.gz")]
    assert all(message.startswith("cannot be read: ") for _, message in problems)
