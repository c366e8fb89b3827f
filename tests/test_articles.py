"""Reading articles: the JSONL contract, every kind of source, and what is said when something cannot be read."""

import hashlib
import io
import json
import re
import subprocess
import sys
from datetime import date
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.articles import article_from_json, article_to_json, read_articles
from research.records import STANCE_LABELS, Article, ResearchError

TEXT = "Arrel denies it. He left."
PAGE = """<html><head><meta charset="{charset}"><title>Army of Arrel denies strike | Harbour Post</title>
<meta property="og:site_name" content="Harbour Post">
<meta property="article:published_time" content="2024-03-05T10:00:00Z">
<link rel="canonical" href="https://post.example/strike"></head>
<body><nav>Home | News</nav><article><h1>Army of Arrel denies strike</h1>
<p>A spokesman of the army said on Monday that no strike took place near the café.</p>
<p>Residents say otherwise. They heard two explosions.</p></article></body></html>"""
PAGE_TEXT = (
    "Army of Arrel denies strike\n\n"
    "A spokesman of the army said on Monday that no strike took place near the café.\n\n"
    "Residents say otherwise. They heard two explosions."
)


def read(*sources: Path | str) -> tuple[list[Article], list[tuple[str, str]]]:
    problems: list[tuple[str, str]] = []
    articles = list(
        read_articles([str(s) for s in sources], lambda origin, message: problems.append((origin, message)))
    )
    return articles, problems


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_labelled_article_is_read_in_full() -> None:
    first = {"start": 0, "end": 16, "labels": ["denial", "official_statement", "denial"]}
    second = {"start": 17, "end": 25, "labels": [], "text": "He left."}
    claims = [{"claim_id": "c1", "claim": "Arrel struck.", "label": "denies"}, {"claim_id": "c2", "claim": "B."}]
    labelled = {"article_id": 17, "text": TEXT, "sentences": [first, second], "primary": "denial", "claims": claims}
    more = {"event": "strike", "corpus": "toy", "rank": 2, "kept": True, "ignored": {"a": 1}, "nothing": None}
    article = article_from_json(labelled | more, "news.jsonl:1")
    assert (article.article_id, article.origin, article.event) == ("17", "news.jsonl:1", "strike")
    assert [s.labels for s in article.sentences] == [("official_statement", "denial"), ()]
    assert [s.text for s in article.sentences] == ["Arrel denies it.", "He left."]
    assert (article.primary, [c.label for c in article.claims]) == ("denial", ["denies", None])
    assert article.fields == {"corpus": "toy", "rank": "2", "kept": "true"}


def test_sentences_without_labels_are_not_background() -> None:
    article = article_from_json({"article_id": "a", "text": TEXT, "sentences": [[0, 16], [17, 25]]}, "x")
    assert [s.labels for s in article.sentences] == [None, None]
    assert article_to_json(article)["sentences"] == [[0, 16], [17, 25]]


WORDS = st.text("aé 😀.", min_size=1).filter(str.strip)
CLAIMS = st.lists(
    st.fixed_dictionaries({"claim_id": WORDS, "claim": WORDS}, optional={"label": st.sampled_from(STANCE_LABELS)}),
    unique_by=lambda claim: claim["claim_id"],
)


@given(st.data())
def test_json_round_trip(data: st.DataObject) -> None:
    text = data.draw(WORDS)
    offsets = sorted(data.draw(st.sets(st.integers(0, len(text)))))
    labels = st.sampled_from([{}, {"labels": []}, {"labels": ["speculation", "denial"]}])
    obj = {
        "article_id": data.draw(WORDS),
        "text": text,
        "title": data.draw(WORDS),
        "sentences": [{"start": s, "end": e} | data.draw(labels) for s, e in pairwise(offsets)],
        "claims": data.draw(CLAIMS),
        "corpus": data.draw(WORDS),
    }
    article = article_from_json(obj, "x")
    assert article.text == text
    assert article_from_json(json.loads(json.dumps(article_to_json(article))), "x") == article


SPAN = {"start": 0, "end": 5}
CLAIM = {"claim_id": "c", "claim": "A."}
KNOWN = "official_statement, speculation, denial"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": None}, "key 'text' or 'html' is missing (found: article_id)"),
        ({"text": " \n"}, "no text"),
        ({"text": 5}, "key 'text' must be text, not a number"),
        ({"text": "a\ud800"}, "key 'text' holds half a character (a lone surrogate) at 1"),
        ({"article_id": ""}, "article_id is empty"),
        ({"title": ["a"]}, "key 'title' must be text, not a list"),
        ({"sentences": "0-5"}, "key 'sentences' must be a list, not text"),
        ({"sentences": [[0, 5], 7]}, "sentences[1]: expected [start, end] or an object with start, end and labels"),
        ({"sentences": [[0, "5"]]}, "sentences[0]: end must be a whole number, not text"),
        ({"sentences": [{"end": 5}]}, "sentences[0]: start must be a whole number, not null"),
        ({"sentences": [[-1, 5]]}, "sentences[0]: start -1 is before the text"),
        ({"sentences": [[0, 5], [6, 900]]}, "sentences[1]: end 900 is beyond the text (25 characters)"),
        ({"sentences": [[5, 5]]}, "sentences[0]: empty, start 5 and end 5"),
        ({"sentences": [[0, 5], [4, 9]]}, "sentences[1]: start 4 is before the end of sentences[0] (5)"),
        ({"sentences": [SPAN | {"text": "Other"}]}, "sentences[0]: its 'text' is not the text from 0 to 5"),
        ({"sentences": [SPAN | {"labels": "denial"}]}, "sentences[0]: labels must be a list, not text"),
        ({"sentences": [SPAN | {"labels": ["d"]}]}, f"sentences[0]: unknown label 'd' (known: {KNOWN})"),
        ({"primary": "none"}, f"primary: unknown label 'none' (known: {KNOWN}, background)"),
        ({"claims": ["a"]}, "claims[0]: expected an object with claim_id and claim, not text"),
        ({"claims": [{"claim_id": "c"}]}, "claims[0]: key 'claim' is missing or empty"),
        ({"claims": [CLAIM | {"claim_id": 1}]}, "claims[0]: key 'claim_id' must be text, not a number"),
        ({"claims": [CLAIM] * 2}, "claims[1]: claim_id 'c' is used twice"),
        ({"claims": [CLAIM | {"label": "x"}]}, f"claims[0]: unknown label 'x' (known: {', '.join(STANCE_LABELS)})"),
        ({"text": None, "html": "", "sentences": [[0, 5]]}, "sentences need 'text': the offsets mean nothing in html"),
    ],
)
def test_broken_contract_is_one_line_with_the_place(change: dict, message: str) -> None:
    with pytest.raises(ResearchError, match=f"^{re.escape(f'news.jsonl:17: {message}')}$"):
        article_from_json({"article_id": "a", "text": TEXT} | change, "news.jsonl:17")


def test_bad_lines_are_reported_and_the_stream_goes_on(tmp_path: Path) -> None:
    lines = [
        b'\xef\xbb\xbf{"article_id": "a", "text": "One."}',
        b'{"body": "x", "id": 1}',
        b'{"text": "x"}',
        b"",
        b'{"article_id": "a", "text": "x" "y"}',
        b"[1]",
        b'{"article_id": "a", "text": "caf\xe9"}',
        b'{"n": ' + b"[" * 100_000,
        b'{"article_id": "b", "text": "Two.\\n"}',
    ]
    path = write(tmp_path / "news.jsonl", b"\r\n".join(lines))
    articles, problems = read(path)
    assert [(a.article_id, a.text, a.origin) for a in articles] == [
        ("a", "One.", f"{path}:1"),
        ("b", "Two.\n", f"{path}:9"),
    ]
    assert [(origin.removeprefix(f"{path}:"), message) for origin, message in problems[:5]] == [
        ("2", "key 'text' or 'html' is missing (found: body, id)"),
        ("3", "key 'article_id' is missing (found: text)"),
        ("5", "not JSON: Expecting ',' delimiter at column 33"),
        ("6", "an article is an object with article_id and text, not a list"),
        ("7", "not UTF-8 (byte 0xe9 at offset 32); convert it first"),
    ]
    assert problems[5][0] == f"{path}:8" and problems[5][1].startswith("not JSON that can be read: ")


def test_plain_text_is_unaltered_and_titled_by_its_headline(tmp_path: Path) -> None:
    text = "Arrel denies it\r\n\r\nThe army said no. "
    articles, problems = read(
        write(tmp_path / "a.txt", "\ufeff" + text), write(tmp_path / "b.txt", "It said no.\nYes.")
    )
    assert not problems
    assert [(a.text, a.title) for a in articles] == [(text, "Arrel denies it"), ("It said no.\nYes.", None)]


def test_markdown_heading_is_a_title_without_its_mark(tmp_path: Path) -> None:
    (article,), _ = read(write(tmp_path / "a.md", "# Arrel denies it\n\nNo."))
    assert (article.title, article.text) == ("Arrel denies it", "# Arrel denies it\n\nNo.")


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
def test_page_becomes_title_and_paragraphs_with_metadata(tmp_path: Path, charset: str) -> None:
    (article,), _ = read(write(tmp_path / "page.html", PAGE.format(charset=charset).encode(charset)))
    assert article.text == PAGE_TEXT
    assert (article.article_id, article.title) == ("page.html", "Army of Arrel denies strike")
    assert (article.outlet, article.published, article.url) == (
        "Harbour Post",
        "2024-03-05",
        "https://post.example/strike",
    )
    sha256 = hashlib.sha256((tmp_path / "page.html").read_bytes()).hexdigest()
    extractor = f"trafilatura {version('trafilatura')}"
    assert article.fields == {"extractor": extractor, "sha256": sha256, "language": "en"}


def test_author_of_a_page_is_kept(tmp_path: Path) -> None:
    (article,), _ = read(
        write(tmp_path / "a.html", PAGE.replace("<title>", '<meta name="author" content="Ada Quill"><title>'))
    )
    assert article.fields["author"] == "Ada Quill"


def test_html_in_a_line_goes_through_extraction_and_given_metadata_wins(tmp_path: Path) -> None:
    line = json.dumps({"article_id": "a", "html": PAGE, "outlet": "Given"})
    (article,), _ = read(write(tmp_path / "a.jsonl", line))
    assert (article.text, article.outlet, article.published) == (PAGE_TEXT, "Given", "2024-03-05")


def test_unknown_suffix_is_judged_by_the_beginning(tmp_path: Path) -> None:
    articles, problems = read(
        write(tmp_path / "a.page", "\n" + PAGE),
        write(tmp_path / "b.story", "Arrel denies it."),
        write(tmp_path / "c.json", '{"article_id": "c", "text": "One."}\n'),
    )
    assert not problems
    assert [a.text for a in articles] == [PAGE_TEXT, "Arrel denies it.", "One."]


def test_folder_is_read_recursively_sorted_and_without_strangers(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.TXT", "a/.hidden.txt", ".git/x.txt", "notes.doc", "feed.xml"):
        write(tmp_path / "news" / name, f"Text of {name}.")
    (tmp_path / "empty").mkdir()
    articles, problems = read(tmp_path / "news", tmp_path / "empty")
    assert [a.article_id for a in articles] == ["b.txt", "a/z.TXT"]
    assert [a.origin for a in articles] == [str(tmp_path / "news" / a.article_id) for a in articles]
    known = ".txt, .md, .html, .htm, .jsonl, .csv, .parquet, .pdf, .warc"
    assert problems == [(str(tmp_path / "empty"), f"no articles in this folder (known suffixes: {known})")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"caf\xe9", "not UTF-8 (byte 0xe9 at offset 3); convert it first"),
        ("a.txt", b"\xef\xbb\xbfcaf\xe9", "not UTF-8 (byte 0xe9 at offset 6); convert it first"),
        ("a.html", b"<p charset=nonsense>caf\xe9", "not UTF-8 (byte 0xe9 at offset 23); convert it first"),
        ("a.txt", b"PK\0\1", "looks like a binary file"),
        ("a.jsonl", b"PK\0\1\nx\nx", "looks like a binary file"),
        ("a.jsonl", "\ufeff{}".encode("utf-16-le"), "UTF-16; JSON lines are UTF-8, convert it first"),
        ("a.txt", b" \n", "no text"),
        ("a.jsonl", b"", "no text"),
        ("a.csv", b"", "no text"),
        ("a.html", b"<html><body></body></html>", "no article text found in the page"),
        ("a.csv", b"body,id\nx,1\n", "column 'text' or 'html' is missing (found: body, id)"),
        ("a.csv", b"text,id,id\nx,1,1\n", "column 'id' is there twice"),
        ("a.csv", b"text\ncaf\xe9\n", "not UTF-8 (byte 0xe9 at offset 8); convert it first"),
    ],
)
def test_unreadable_file_is_one_problem(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = write(tmp_path / name, content)
    assert read(path) == ([], [(str(path), message)])


def test_too_large_and_missing_files_are_refused(tmp_path: Path) -> None:
    large = tmp_path / "large.txt"
    with large.open("wb") as stream:
        stream.truncate(64 * 2**20 + 1)
    articles, problems = read(large, tmp_path / "none.txt", "ftp://arrel.example/a")
    assert not articles
    assert problems == [
        (str(large), "larger than 64 MB, the limit of one text or page; use JSONL for many"),
        (str(tmp_path / "none.txt"), "no such file or folder"),
        ("ftp://arrel.example/a", "not an address that is read (known: http, https)"),
    ]


def test_csv_rows_are_articles(tmp_path: Path) -> None:
    long = "word " * 50_000
    good = 'article_id,text,outlet,corpus\r\nx,"One,\nin two lines.",Post,toy\r\n,Two.,,\r\n'
    path = write(tmp_path / "table.csv", f"\ufeff{good},,Post,\r\na,b,c,d,e\r\n,{long},,")
    articles, problems = read(path)
    assert [(a.article_id, a.text, a.outlet) for a in articles] == [
        ("x", "One,\nin two lines.", "Post"),
        ("table.csv:3", "Two.", None),
        ("table.csv:6", long, None),
    ]
    assert articles[0].fields == {"corpus": "toy"}
    assert problems == [(f"{path}:4", "no text"), (f"{path}:5", "row has 5 cells, the header 4")]


def test_csv_of_spreadsheets_with_semicolons_and_utf16(tmp_path: Path) -> None:
    (first,), _ = read(write(tmp_path / "a.csv", "text;title\nOne, two.;T\n"))
    (second,), _ = read(write(tmp_path / "b.csv", "text\ttitle\r\nOne, two.\tT\r\n".encode("utf-16")))
    assert (first.text, first.title) == (second.text, second.title) == ("One, two.", "T")


def test_csv_with_an_open_quotation_mark_is_reported(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'text\nOne.\n"Two.\nThree.\n')
    articles, problems = read(path)
    assert [a.text for a in articles] == ["One."]
    assert problems == [(f"{path}:3", "not CSV: unexpected end of data")]


def test_parquet_rows_are_articles(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = {
        "text": ["One.", None, "Two."],
        "sentences": [[[0, 4]], None, [[0, 9]]],
        "published": [date(2024, 1, 2)] * 3,
    }
    pq.write_table(pa.table(table), tmp_path / "t.parquet")
    (article,), problems = read(tmp_path / "t.parquet")
    assert (article.article_id, article.published, len(article.sentences)) == ("t.parquet:1", "2024-01-02", 1)
    assert problems == [
        (f"{tmp_path / 't.parquet'}:2", "no text"),
        (f"{tmp_path / 't.parquet'}:3", "sentences[0]: end 9 is beyond the text (4 characters)"),
    ]


def test_broken_parquet_is_one_problem(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", "no table")
    articles, ((origin, message),) = read(path)
    assert not articles and origin == str(path)
    assert message.startswith("not a Parquet file: ") and "\n" not in message


@pytest.mark.parametrize(
    ("content", "text", "origin"),
    [
        ('{"article_id": "a", "text": "One."}\n', "One.", "stdin:1"),
        (PAGE, PAGE_TEXT, "stdin"),
        ("Arrel denies it.\n", "Arrel denies it.\n", "stdin"),
    ],
)
def test_standard_input(monkeypatch: pytest.MonkeyPatch, content: str, text: str, origin: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode()), "utf-8"))
    (article,), problems = read("-")
    assert not problems
    assert (article.text, article.origin) == (text, origin)


def test_closed_port_is_one_problem() -> None:
    articles, ((_, message),) = read("http://127.0.0.1:9/")
    assert not articles and message.startswith("cannot be fetched: ")


def test_articles_are_read_only_when_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"article_id": "a", "text": "One."}\nnot JSON\n')
    problems: list[str] = []
    stream = read_articles([str(path)], lambda origin, message: problems.append(origin))
    assert next(stream).text == "One."
    assert not problems
    assert list(stream) == [] and problems == [f"{path}:2"]


def test_import_loads_no_heavy_library() -> None:
    heavy = {"trafilatura", "pyarrow", "pandas", "numpy", "ssl"}
    code = f"import sys, research.articles; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
