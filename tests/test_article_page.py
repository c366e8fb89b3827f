"""The page of labelled articles: what is in it, that nothing of strangers is markup, how it is written."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from research.articles import segment
from research.cli import app
from research.config import Shipped
from research.datasets import load_dataset
from research.records import (
    ATTRIBUTION_LABELS,
    PRIMARY_LABELS,
    STANCE_LABELS,
    Article,
    Claim,
    Prediction,
    Row,
    Sentence,
    Stance,
)
from research.summary.article_page import FOLDER, SCRIPTS, SILENT, STYLE, TEMPLATE, article_page

HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"><!-- \u202e\u2028"
)
MODELS = {"attribution": {"name": "att<b>", "version": "7", "run_id": "r1"}}
NEWS = [
    {
        "article_id": "dam",
        "title": "Orle ministry denies crack in dam",
        "outlet": "The Sund Post",
        "published": "2031-05-04",
        "url": "https://sund.example/dam",
        "text": "Orle ministry denies crack in dam\n\nThe ministry in Orle denied that the dam had a crack. "
        '"It is sound," a spokeswoman said. 😀 It may leak  all the same, experts said.\nThe dam was built in 1961.\n',
    },
    {"article_id": "rain", "text": "It rained in Sund on Monday. “Nobody was hurt,” the police said."},
]


class Page(HTMLParser):
    """A page as a browser would find it: its tags with their attributes, its scripts, its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.source = page
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[dict[str, str | None], str]] = []  # scripts and styles
        self.words: list[str] = []
        self._open = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._open = tag
            self.raw.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == self._open:
            self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.raw[-1] = (self.raw[-1][0], self.raw[-1][1] + data)
        else:
            self.words.append(data)

    @property
    def articles(self) -> list[tuple[list[Any], list[Any]]]:
        """Row and body of each article."""
        islands = [text for attrs, text in self.raw if attrs.get("type") == "application/json" and "id" not in attrs]
        return [(json.loads(row), json.loads(body)) for row, body in (text.split("\n") for text in islands)]

    def island(self, name: str) -> Any:
        return next(json.loads(text) for attrs, text in self.raw if attrs.get("id") == name)

    @property
    def policy(self) -> dict[str, str]:
        content = next(attrs["content"] for tag, attrs in self.tags if "http-equiv" in attrs) or ""
        return {name: value for name, _, value in (one.strip().partition(" ") for one in content.split(";"))}


def page_of(*predictions: Prediction) -> Page:
    return Page("".join(article_page(predictions)))


def judged(article: Article, labels: Sequence[tuple[str, ...] | None], p: float = 0.973) -> Prediction:
    """A prediction with these labels for the sentences, and no primary."""
    rows = tuple(
        Row(
            "attribution", article.article_id, s.start, s.end, given, probabilities=dict.fromkeys(ATTRIBUTION_LABELS, p)
        )
        for s, given in zip(article.sentences, labels, strict=True)
    )
    return Prediction(article, rows, None, False, MODELS)


def research(*arguments: object, charset: str = "utf-8", status: int = 0) -> bytes:
    result = CliRunner(charset=charset).invoke(app, [str(a) for a in arguments])
    assert result.exit_code == status, result.stderr
    return result.stdout_bytes


# --- what is in it --------------------------------------------------------------------------------------------


def test_the_page_holds_what_jsonl_holds(tmp_path: Path) -> None:
    file = tmp_path / "news.jsonl"
    file.write_text("\n".join(json.dumps(one) for one in NEWS), encoding="utf-8")
    command = ("classify", file, "--claim", "The dam at Orle has a crack.", "--sentences", "--format")
    found = [json.loads(line) for line in research(*command, "jsonl").splitlines()]
    page = Page(research(*command, "html", charset="latin-1").decode("utf-8"))  # UTF-8 whatever the locale
    assert len(found) == len(page.articles) == 2
    assert page.island("end") == {"claims": [["c1", "The dam at Orle has a crack."]]}

    def percents(judged: Mapping[str, Any]) -> list[int]:
        return [round(100 * judged["probabilities"][label]) for label in STANCE_LABELS]

    for given, wanted, (row, (pieces, marks, stances)) in zip(NEWS, found, page.articles, strict=True):
        primary, (stance,) = wanted["primary"], wanted["stances"]
        assert "".join(pieces) == given["text"]
        assert pieces[1::2] == [one["text"] for one in wanted["sentences"]]
        masks = [sum(1 << ATTRIBUTION_LABELS.index(label) for label in one["labels"]) for one in wanted["sentences"]]
        assert marks[::4] == masks and any(masks)
        chances = [one["probabilities"][label] for one in wanted["sentences"] for label in ATTRIBUTION_LABELS]
        assert [m for i, m in enumerate(marks) if i % 4] == [round(100 * p) for p in chances]
        assert row[:5] == [
            given["article_id"],
            given.get("outlet"),
            given.get("published"),
            wanted["origin"],
            given.get("url"),
        ]
        assert row[5:8] == [
            PRIMARY_LABELS.index(primary["label"]),
            [round(100 * primary["probabilities"][label]) for label in PRIMARY_LABELS],
            0,
        ]
        assert [part / 10_000 for part in row[8]] == list(wanted["shares"].values())
        assert row[9:] == [0, len(wanted["sentences"]), [0, STANCE_LABELS.index(stance["label"])]]
        spans = [[one["start"], one["end"]] for one in wanted["sentences"]]
        own = [
            [spans.index([one["start"], one["end"]]), STANCE_LABELS.index(one["label"]), percents(one)]
            for one in stance.get("sentences", ())
        ]
        assert stances == [[0, percents(stance), [spans.index(span) for span in stance["evidence"]], own]]
    assert found[0]["stances"][0]["evidence"] and found[0]["stances"][0]["sentences"]
    words = "".join(page.words)
    for one in (NEWS[0]["title"], "rain", *(word for model in found[0]["models"].values() for word in model.values())):
        assert one in words
    assert found[0]["primary"]["label"] in words, "seen without scripts"


def test_abstentions_derived_labels_and_sentences_that_nobody_judged() -> None:
    article = segment(Article("a", "It may rain. Nobody denied it. Two fields burned."))
    both = judged(article, [None, ("speculation", "denial"), ()])
    row = Row("primary", "a", 0, len(article.text), ("denial",), probabilities={"denial": 0.994, "speculation": 0.0})
    silent = replace(row, labels=None)
    page = page_of(both, replace(both, primary=row, derived=True), replace(both, primary=silent))
    plain, derived, abstained = (row for row, _ in page.articles)
    assert (plain[5], plain[6], plain[8], plain[9]) == (None, [], [0, 3333, 3333, 3333], 1)
    assert derived[5:8] == [2, [None, 0, 99, None], 1] and abstained[5] == SILENT
    assert page.articles[0][1][1] == [SILENT, 97, 97, 97, 6, 97, 97, 97, 0, 97, 97, 97]
    words = " ".join(" ".join(page.words).split())
    assert "a a denial a abstained" in words

    claim = Claim("c9", "A field burned.")
    stance = Stance(claim, Row("stance", "a", 0, 9, None, "c9"), (article.sentences[2].span,))
    row_, (pieces, marks, stances) = page_of(Prediction(article, (), None, False, {}, (stance,))).articles[0]
    assert (row_[8], row_[10], row_[11], marks, stances) == ([], 3, [0, SILENT], [], [[0, [None] * 4, [2], []]])
    assert pieces[1::2] == [s.text for s in article.sentences]


def test_every_claim_is_written_once() -> None:
    article = segment(Article("a", "It rained."))
    first, second, other = Claim("c1", "It rained."), Claim("c2", "It snowed."), Claim("c1", "It hailed.")

    def asked(*claims: Claim) -> Prediction:
        rows = [Stance(c, Row("stance", "a", 0, 9, ("denies",), c.claim_id), ()) for c in claims]
        return replace(judged(article, [()]), stances=tuple(rows))

    page = page_of(asked(first), asked(second, first), asked(other))
    assert page.island("end")["claims"] == [["c1", "It rained."], ["c2", "It snowed."], ["c1", "It hailed."]]
    assert [row[11] for row, _ in page.articles] == [[0, 1], [1, 1, 0, 1], [2, 1]]


def test_no_article_is_a_page_too() -> None:
    page = page_of()
    assert page.articles == [] and "None: there was nothing to label." in " ".join(page.words)


# --- nothing of strangers is markup -------------------------------------------------------------------------------


def test_texts_titles_and_claims_are_never_markup() -> None:
    article = segment(
        Article("a", f"It rained. {HOSTILE}", "x\udcff.txt", f"Title {HOSTILE}\udcff", HOSTILE, HOSTILE, "javascript:x")
    )
    claim = Claim("<b>", HOSTILE)
    stance = Stance(claim, Row("stance", "a", 0, 9, ("denies",), "<b>"), ())
    page = page_of(replace(judged(article, [()] * len(article.sentences)), stances=(stance,)))
    tame = page_of(judged(segment(Article("a", "It rained.")), [()]))
    assert page.tags == tame.tags
    (row, (pieces, *_)), claims = page.articles[0], page.island("end")["claims"]
    assert ("".join(pieces), row[1], row[4], claims) == (article.text, HOSTILE, "javascript:x", [["<b>", HOSTILE]])
    assert "att<b>" in page.words and f"Title {HOSTILE}?" in page.words
    islands = "".join(text for attrs, text in page.raw if attrs.get("type"))
    assert not re.search("[<\u2028\u202e\ud800-\udfff]", islands)


def test_only_its_own_script_and_style_may_run() -> None:
    page = page_of(judged(segment(Article("a", HOSTILE)), [()] * len(segment(Article("a", HOSTILE)).sentences)))
    (style,) = (text for attrs, text in page.raw if not attrs and text.startswith(":root"))
    (script,) = (text for attrs, text in page.raw if not attrs and not text.startswith(":root"))
    hashes = [f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in (script, style)]
    assert page.policy == {
        "default-src": "'none'",
        "script-src": hashes[0],
        "style-src": hashes[1],
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    attributes = {name for _, attrs in page.tags for name in attrs}
    assert not any(name in ("style", "src", "action") or name.startswith("on") for name in attributes)
    assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|eval\(|fetch\(|import\(", script)
    assert set(re.findall(r"https?://[^\s\"')]+", page.source)) == {"http://www.w3.org/2000/svg"}, "no network"


# --- how it is written --------------------------------------------------------------------------------------------


def test_pieces_come_while_the_predictions_do() -> None:
    article, asked = segment(Article("a", "It rained.")), 0

    def predictions() -> Iterator[Prediction]:
        nonlocal asked
        for asked in range(1, 1000):
            yield judged(replace(article, title=f"Number {asked}."), [()])

    page = article_page(predictions())
    next(piece for piece in page if "Number 1." in piece)
    assert asked == 1
    next(piece for piece in page if "Number 3." in piece)
    assert asked == 3


def test_200_articles_of_25_to_40_sentences_are_less_than_a_megabyte() -> None:
    dataset = load_dataset(Shipped())
    shipped = cycle([s for split in dataset.splits for a in dataset.articles(split) for s in a.sentences])

    def article(i: int) -> Prediction:
        text, sentences = "", []
        for n, one in enumerate(islice(shipped, 25 + i % 16)):
            text += "" if not n else "\n\n" if n % 3 == 0 else " "
            sentences.append(Sentence(len(text), len(text) + len(one.text), one.text, one.labels))
            text += one.text
        found = Article(f"article-{i}", text, f"news.jsonl:{i}", sentences[0].text, "Sund Post", "2031-05-04")
        primary = Row("primary", "a", 0, 9, ("denial",), probabilities=dict.fromkeys(PRIMARY_LABELS, 0.235))
        return replace(
            judged(replace(found, sentences=tuple(sentences)), [s.labels for s in sentences]), primary=primary
        )

    size = sum(len(piece.encode()) for piece in article_page(article(i) for i in range(200)))
    assert 800_000 < size < 1_000_000


def test_no_part_of_the_template_is_long() -> None:
    for name in (TEMPLATE, STYLE, *SCRIPTS):
        assert len((FOLDER / name).read_text(encoding="utf-8").splitlines()) <= 400, name


@pytest.mark.parametrize("command", ["runs", "models", "claims -", "data list"])
def test_other_commands_have_no_page(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--format", "html"])
    assert result.exit_code == 2 and "'html' is not one of 'table', 'json', 'jsonl', 'csv'" in result.stderr
