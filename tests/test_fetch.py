"""Downloads and copies, checked: research.datasets.fetch. The server is a real one, on this machine."""

import hashlib
import http.server
import io
import os
import tarfile
import threading
from pathlib import Path

import pytest
import yaml

from research.config import read_yaml
from research.datasets import fetch
from research.datasets.corpora import CORPORA
from research.datasets.fetch import PINS
from research.records import ResearchError

REAL = os.environ.get("RESEARCH_DATA")
BODY = bytes(range(256)) * 2000  # several chunks


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("RESEARCH_DATA", str(tmp_path / "data"))


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves the `files` of its server with ranges; breaks off after `stop_after` bytes of a body, once."""

    def do_GET(self):
        server = self.server
        server.asked.append(self.headers.get("Range"))
        body = server.files.get(self.path)
        if body is None:
            self.send_error(404)
            return
        start = 0
        if server.ranges and (asked := self.headers.get("Range")):
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(body):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        stop, server.stop_after = server.stop_after, None
        self.wfile.write(body[start:][:stop])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.files, running.ranges, running.stop_after, running.asked = {"/toy.bin": BODY}, True, None, []
        running.url = f"http://127.0.0.1:{running.server_port}"
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def pins(tmp_path, **corpora):
    path = tmp_path / "pins.yaml"
    path.write_text(yaml.safe_dump(corpora))
    return path


def toy_pins(tmp_path, server, path="/toy.bin", sha256=""):
    wanted = {"url": server.url + path, "sha256": sha256 or hashlib.sha256(BODY).hexdigest()}
    return pins(tmp_path, toy={"files": {"toy.bin": wanted}})


def test_download_is_checked_reported_and_not_repeated(tmp_path, server):
    seen = []
    pinned = toy_pins(tmp_path, server)
    folder = fetch("toy", progress=lambda done, total: seen.append((done, total)), pins=pinned)
    assert folder == tmp_path / "data" / "toy"
    assert (folder / "toy.bin").read_bytes() == BODY
    assert seen[-1] == (len(BODY), len(BODY)) and len(seen) > 1
    assert [p.name for p in folder.iterdir()] == ["toy.bin"]
    fetch("toy", pins=pinned)
    assert server.asked == [None]


def test_download_that_broke_off_is_resumed(tmp_path, server):
    server.stop_after = 100_000
    pinned = toy_pins(tmp_path, server)
    with pytest.raises(ResearchError) as error:
        fetch("toy", pins=pinned)
    stopped = f"stopped after 100000 of {len(BODY)} bytes; the same command goes on from here"
    assert str(error.value) == f"{server.url}/toy.bin: {stopped}"
    part = tmp_path / "data" / "toy" / "toy.bin.part"
    assert part.read_bytes() == BODY[:100_000]
    fetch("toy", pins=pinned)
    assert server.asked == [None, "bytes=100000-"]
    assert (tmp_path / "data" / "toy" / "toy.bin").read_bytes() == BODY and not part.exists()


@pytest.mark.parametrize("ranges", [True, False])
def test_part_that_is_already_whole_or_must_start_again(tmp_path, server, ranges):
    server.ranges = ranges  # a server without ranges sends everything again
    part = tmp_path / "data" / "toy" / "toy.bin.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(BODY)
    folder = fetch("toy", pins=toy_pins(tmp_path, server))
    assert (folder / "toy.bin").read_bytes() == BODY


def test_wrong_sha256_leaves_nothing(tmp_path, server):
    with pytest.raises(ResearchError) as error:
        fetch("toy", pins=toy_pins(tmp_path, server, sha256="0" * 64))
    found = hashlib.sha256(BODY).hexdigest()[:12]
    assert str(error.value) == f"{server.url}/toy.bin: sha256 is {found}..., expected 000000000000..."
    assert list((tmp_path / "data" / "toy").iterdir()) == []


def test_absent_file_and_absent_server(tmp_path, server):
    with pytest.raises(ResearchError) as error:
        fetch("toy", pins=toy_pins(tmp_path, server, path="/gone.bin"))
    assert str(error.value) == f"{server.url}/gone.bin: HTTP 404 Not Found"
    wanted = {"url": "http://127.0.0.1:1/toy.bin", "sha256": "0" * 64}
    with pytest.raises(ResearchError) as error:
        fetch("toy", pins=pins(tmp_path, toy={"files": {"toy.bin": wanted}}))
    assert str(error.value).startswith("http://127.0.0.1:1/toy.bin: ")
    assert str(error.value).endswith("Connection refused; the same command goes on from here")


def archive(**members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def test_archive_gives_only_its_members_and_nothing_outside(tmp_path, server):
    server.files["/toy.tar.gz"] = archive(
        **{
            "toy-c3e/data/train/text/one.txt": b"One.",
            "toy-c3e/data/train/xml/one.xml": b"<x/>",
            "toy-c3e/readme.txt": b"no",
            "toy-c3e/data/train/text/../../../../evil.txt": b"no",
        }
    )
    wanted = {"url": f"{server.url}/toy.tar.gz", "root": "data", "members": ["train/text/*.txt"]}
    folder = fetch("toy", pins=pins(tmp_path, toy={"archive": wanted}))
    assert [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()] == ["train/text/one.txt"]
    assert not list(tmp_path.rglob("evil.txt"))


def test_broken_archive_is_removed(tmp_path, server):
    server.files["/toy.tar.gz"] = archive(**{"toy/data/a.txt": os.urandom(5000)})[:2000]
    wanted = {"url": f"{server.url}/toy.tar.gz", "root": "data", "members": ["*.txt"]}
    folder = tmp_path / "data" / "toy"
    with pytest.raises(ResearchError, match=r"toy.tar.gz: not a whole tar archive \(.+\); removed: fetch it again$"):
        fetch("toy", pins=pins(tmp_path, toy={"archive": wanted}))
    assert list(folder.rglob("*.txt")) == [] and not (folder / "toy.tar.gz").exists()


@pytest.mark.parametrize("below", ["", "toy"])
def test_from_a_folder_copies_the_pinned_files_only(tmp_path, below):
    source = tmp_path / "source" / below
    source.mkdir(parents=True)
    (source / "toy.bin").write_bytes(BODY)
    (source / "other.bin").write_bytes(b"")
    pinned = pins(tmp_path, toy={"instead": "ask", "files": {"toy.bin": {"sha256": hashlib.sha256(BODY).hexdigest()}}})
    folder = fetch("toy", tmp_path / "source", pins=pinned)
    assert [p.name for p in folder.iterdir()] == ["toy.bin"]
    assert fetch("toy", folder, pins=pinned) == folder


def test_from_a_folder_errors(tmp_path):
    pinned = pins(tmp_path, toy={"instead": "give it with --from DIR", "files": {"toy.bin": {"sha256": "0" * 64}}})
    source = tmp_path / "source"
    for problem in (f"{source}: no such folder", f"{source / 'toy.bin'}: no such file"):
        with pytest.raises(ResearchError) as error:
            fetch("toy", source, pins=pinned)
        assert str(error.value) == problem
        source.mkdir(exist_ok=True)
    (source / "toy.bin").write_bytes(b"")
    with pytest.raises(ResearchError) as error:
        fetch("toy", source, pins=pinned)
    assert str(error.value) == f"{source / 'toy.bin'}: sha256 is e3b0c44298fc..., expected 000000000000..."
    with pytest.raises(ResearchError) as error:
        fetch("toy", pins=pinned)
    assert str(error.value) == "toy: cannot be downloaded: give it with --from DIR"
    with pytest.raises(ResearchError) as error:
        fetch("tpy", pins=pinned)
    assert str(error.value) == "unknown corpus 'tpy'; known: toy"


def test_gold_rows_are_counted_and_labelled_texts_looked_for(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.jsonl").write_text("")
    with pytest.raises(ResearchError) as error:
        fetch("attribution-gold", source)
    assert str(error.value) == f"{source / 'dev.jsonl'}: no such file"
    (source / "dev.jsonl").write_text("")
    with pytest.raises(ResearchError) as error:
        fetch("attribution-gold", source)
    assert str(error.value) == f"{source / 'train.jsonl'}: 0 rows, expected 1445"
    with pytest.raises(ResearchError) as error:
        fetch("fa-kes", source)
    assert str(error.value) == (f"{source}: 164 of 164 labelled texts are absent or altered, such as '1914947530'")


def test_what_lies_beside_a_corpus_is_taken_along(tmp_path):
    source, pins = tmp_path / "source", tmp_path / "pins.yaml"
    (source / "answers").mkdir(parents=True)
    (source / "a.csv").write_bytes(BODY)
    (source / "answers" / "b.csv").write_text("b")
    (source / "other.txt").write_text("not asked for")
    pin = {
        "instead": "give it",
        "files": {"a.csv": {"sha256": hashlib.sha256(BODY).hexdigest()}},
        "beside": ["answers/*"],
    }
    pins.write_text(yaml.safe_dump({"toy": pin}))
    folder = fetch("toy", source, pins=pins)
    assert sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file()) == ["a.csv", "answers/b.csv"]


def test_pins_cover_the_corpora_of_the_gold_and_say_what_to_do():
    pinned = read_yaml(PINS)
    assert set(CORPORA) | {"attribution-gold"} <= set(pinned)
    for name, pin in pinned.items():
        files = pin.get("files", {}).values()
        assert all(len(file["sha256"]) == 64 for file in files), name
        downloadable = "archive" in pin or (files and all("url" in file for file in files))
        assert bool(downloadable) != ("instead" in pin), name


@pytest.mark.real
@pytest.mark.skipif(not REAL, reason="RESEARCH_DATA is not set")
@pytest.mark.parametrize("name", ["attribution-gold", "fnc-1", "polnear", "emergent", "rumoureval-2019", "wikiweasel"])
def test_real_corpora_pass_their_checks(tmp_path, name):
    folder = fetch(name, Path(REAL))
    assert any(folder.iterdir())
