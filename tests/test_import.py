"""The command import: one file of Article JSONL from anything, whole lines, and never a second time."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from research.articles import read_articles
from research.cli import app

PAGE = """<html><head><title>Title {i} | Lintel Post</title></head><body><article><h1>Title {i}</h1>
<p>The council of Lintel said on Monday that matter {i} was closed.</p></article></body></html>"""


def research(*arguments: object, stdin: str | None = None) -> Result:
    """One command in this process; whatever is no exit of its own is a traceback and fails the test."""
    result = CliRunner().invoke(app, [str(a) for a in arguments], input=stdin)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def write_pages(folder: Path, count: int) -> Path:
    folder.mkdir()
    for i in range(count):
        (folder / f"{i:03}.html").write_text(PAGE.format(i=i))
    return folder


def lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_import_writes_what_classify_reads(tmp_path: Path) -> None:
    folder = write_pages(tmp_path / "news", 2)
    (folder / "002.txt").write_text("Arrel denies it.")
    out = tmp_path / "articles.jsonl"
    result = research("import", folder, "-o", out)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "3 articles imported, 0 failed\n")
    first, _, third = lines(out)
    assert first["text"] == "Title 0\n\nThe council of Lintel said on Monday that matter 0 was closed."
    assert (first["title"], first["origin"], len(first["sha256"])) == ("Title 0", str(folder / "000.html"), 64)
    assert third == {"article_id": "002.txt", "text": "Arrel denies it.", "origin": str(folder / "002.txt")}
    again = list(read_articles([str(out)], lambda *problem: pytest.fail(str(problem))))
    assert [a.article_id for a in again] == ["000.html", "001.html", "002.txt"]
    assert again[0].fields["origin"] == first["origin"]
    assert research("import", folder).stdout == out.read_text()


def test_a_file_is_never_overwritten_and_resume_adds_what_is_missing(tmp_path: Path) -> None:
    folder, out = write_pages(tmp_path / "news", 5), tmp_path / "articles.jsonl"
    assert research("import", folder, "-o", out, "--limit", 2).exit_code == 0
    begun = out.read_text()
    refused = research("import", folder, "-o", out)
    assert (refused.exit_code, refused.stderr) == (2, f"error: {out}: exists already; --resume goes on with it\n")
    out.write_text(begun + '{"article_id": "002.html", "te')
    result = research("import", folder, "-o", out, "--resume")
    assert (result.exit_code, result.stderr) == (0, "3 articles imported, 0 failed, 2 were there already\n")
    assert out.read_text().startswith(begun)
    assert [line["article_id"] for line in lines(out)] == [f"{i:03}.html" for i in range(5)]
    done = research("import", folder, "-o", out, "--resume")
    assert (done.exit_code, done.stderr) == (0, "0 articles imported, 0 failed, 5 were there already\n")


def test_resume_skips_rows_and_lines_too(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"article_id": "a", "text": "One."}\n{"article_id": "b", "text": "Two."}\n')
    (tmp_path / "b.csv").write_text("text\nThree.\nFour.\n")
    sources, out = (tmp_path / "a.jsonl", tmp_path / "b.csv"), tmp_path / "out.jsonl"
    for _ in range(4):
        assert research("import", *sources, "-o", out, "--resume", "--limit", 1).exit_code == 0
    assert [line["text"] for line in lines(out)] == ["One.", "Two.", "Three.", "Four."]


def test_resume_fetches_no_page_twice(site: Any, tmp_path: Path) -> None:
    site.routes |= {f"/{i}": PAGE.format(i=i).encode() for i in range(3)}
    urls = "".join(f"<url><loc>{site.url}/{i}</loc></url>" for i in range(3))
    site.routes["/map"] = f"<urlset>{urls}</urlset>".encode()
    out = tmp_path / "out.jsonl"
    for _ in range(3):
        assert research("import", f"{site.url}/map", "-o", out, "--resume", "--limit", 1).exit_code == 0
    assert [line["url"] for line in lines(out)] == [f"{site.url}/{i}" for i in range(3)]
    assert sorted(path for path, _ in site.asked if path in ("/0", "/1", "/2")) == ["/0", "/1", "/2"]


def test_exit_status_and_one_line_for_each_failure(tmp_path: Path) -> None:
    good, bad, empty = tmp_path / "a.txt", tmp_path / "b.txt", tmp_path / "c.jsonl"
    good.write_text("One.")
    bad.write_text(" ")
    empty.write_text("\n")
    some = research("import", good, bad)
    assert (some.exit_code, some.stderr) == (1, f"error: {bad}: no text\n1 articles imported, 1 failed\n")
    none = research("import", bad)
    assert (none.exit_code, none.stdout) == (2, "") and none.stderr.endswith("\n0 articles imported, 1 failed\n")
    assert (nothing := research("import", empty)).exit_code == 2
    assert nothing.stderr == f"error: nothing to import in {empty}\n"


def test_columns_are_mapped_in_tables_and_lines(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = {"body": "One.", "headline": "T", "text": "not this", "n": 3}
    (tmp_path / "a.csv").write_text("body,headline,text,n\nOne.,T,not this,3\n")
    (tmp_path / "b.jsonl").write_text(json.dumps(row) + "\n" + json.dumps({"body": "Two."}) + "\n")
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "c.parquet")
    result = research("import", tmp_path, "--map", "text=body", "--map", "title=headline")
    assert result.exit_code == 0, result.stderr
    first, second, bare, third = (json.loads(line) for line in result.stdout.splitlines())
    for one, name in ((first, "a.csv:2"), (second, "b.jsonl:1"), (third, "c.parquet:1")):
        origin = str(tmp_path / name)
        assert one == {"article_id": name, "title": "T", "text": "One.", "n": "3", "origin": origin}
    assert (bare["article_id"], bare["text"], "title" in bare) == ("b.jsonl:2", "Two.", False)


@pytest.mark.parametrize(
    ("name", "content", "given", "message"),
    [
        ("a.csv", "id,body\n1,x\n", ("text=boddy",), "column 'boddy', mapped to text, is missing (found: id, body)"),
        ("a.jsonl", '{"body": "x"}\n{}\n', ("text=y",), "key 'y', mapped to text, is missing (found: body)"),
        ("a.jsonl", '{"body": "x"}\n', ("text=body", "title=y"), "no line has the key 'y', which is mapped"),
    ],
)
def test_mapped_column_that_is_not_there(
    tmp_path: Path, name: str, content: str, given: tuple[str, ...], message: str
) -> None:
    (tmp_path / name).write_text(content)
    result = research("import", tmp_path / name, *(part for one in given for part in ("--map", one)))
    assert result.exit_code in (1, 2)
    assert result.stderr.splitlines()[0] == f"error: {tmp_path / name}: {message}"


def test_wrong_arguments_are_one_line(tmp_path: Path) -> None:
    def said(*arguments: object) -> str:
        result = research("import", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        return result.stderr.removeprefix("error: ").removesuffix("\n")

    folder = write_pages(tmp_path / "news", 1)
    names = "article_id, text, html, title, outlet, published, url, event, sentences, primary, claims"
    assert said(folder, "--map", "txt=a") == f"--map txt=a: unknown name 'txt' (known: {names})"
    assert said(folder, "--map", "text") == "--map text: expected NAME=COLUMN, such as text=body"
    assert said(folder, "--map", "text=a", "--map", "text=b") == "--map text=b: 'text' is mapped twice"
    assert said(folder, "--resume").startswith("--resume: needs -o FILE")
    assert said("-", "--resume", "-o", tmp_path / "a.jsonl").startswith("--resume: needs -o FILE")
    assert (
        said(folder, "-o", folder / "a.jsonl") == f"-o {folder / 'a.jsonl'}: lies in the folder {folder}, which is read"
    )
    assert (
        said(folder, "-o", tmp_path / "none" / "a.jsonl")
        == f"{tmp_path / 'none' / 'a.jsonl'}: No such file or directory"
    )
    other = tmp_path / "other.jsonl"
    other.write_text('{"article_id": "a", "text": "One."}\n')
    assert said(folder, "-o", other, "--resume") == f"{other}:1: not a line of an import; choose another file"
    assert said(other, "-o", other, "--resume") == f"-o {other}: is read, too"
    assert other.read_text() == '{"article_id": "a", "text": "One."}\n'


def test_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    folder, out = write_pages(tmp_path / "news", 20), tmp_path / "articles.jsonl"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, before[1]))
    try:
        result = research("import", folder, "-o", out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (result.exit_code, result.stderr) == (2, f"error: {out}: File too large\n")
    assert 1 < len(lines(out)) < 20 and out.read_text().endswith("\n")
    assert research("import", folder, "-o", out, "--resume").exit_code == 0 and len(lines(out)) == 20


def test_name_that_is_not_utf8_is_one_problem(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")).write_text("One.")
    (tmp_path / "z.txt").write_text("Two.")
    result = research("import", tmp_path)
    assert result.exit_code == 1 and json.loads(result.stdout)["text"] == "Two."
    assert result.stderr.splitlines()[0].endswith("holds half a character (a lone surrogate), in its text or its name")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_import_that_is_ended_leaves_whole_lines_and_no_process(tmp_path: Path, how: signal.Signals) -> None:
    folder, out = write_pages(tmp_path / "news", 250), tmp_path / "articles.jsonl"
    (tmp_path / "run.py").write_text("from research.cli import app\nif __name__ == '__main__': app()")
    given = ("import", folder, "-o", out, "--workers", "2")
    command = [sys.executable, *map(str, (tmp_path / "run.py", *given))]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while process.poll() is None and (not out.exists() or out.read_bytes().count(b"\n") < 40):
        time.sleep(0.01)
    if how is signal.SIGINT:
        os.killpg(process.pid, how)  # as a terminal does: to the workers, too
    else:
        process.kill()
    said = process.communicate(timeout=60)[1]  # returns when the last process that has this stderr is gone
    done = len(lines(out))
    assert 40 <= done < 250
    if how is signal.SIGINT:
        ending = f"{done} articles imported, 0 failed\n--resume goes on with it\ninterrupted\n"
        assert (process.returncode, said) == (130, ending)
    else:
        assert "Traceback" not in said
    assert research(*given, "--resume").exit_code == 0
    assert [line["article_id"] for line in lines(out)] == [f"{i:03}.html" for i in range(250)]
