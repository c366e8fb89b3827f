"""The records that flow from room to room, the task definitions, and their JSON form.

Every record is frozen. Offsets are half-open character offsets into `Article.text`, and
`article.text[s.start:s.end] == s.text` always holds: the constructors check it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

BACKGROUND = "background"
ATTRIBUTION_LABELS = ("official_statement", "speculation", "denial")
PRIMARY_LABELS = (*ATTRIBUTION_LABELS, BACKGROUND)
UNRELATED = "unrelated"
LABELLED_BY = "labelled_by"  # in Article.fields: the models whose answers the labels are
STANCE_LABELS = ("supports", "denies", "discusses", UNRELATED)
POSITIONS = ("headline", "lead", "first half", "second half")
LEAD = 2  # sentences
LENGTHS = {"short": 10, "medium": 25, "long": sys.maxsize}  # the most sentences of such an article
_MARK = re.compile(r"[\"“”„«»\n]|``|''")


class ResearchError(Exception):
    """Something the user can mend: one line that names the file, the key or line, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Task:
    """A label set and the unit it is given to. A multi-label row may hold any subset, the empty set too. The examples
    of a `pair` task have a claim."""

    name: str
    labels: tuple[str, ...]
    unit: str
    multi_label: bool
    pair: bool = False


TASKS: Mapping[str, Task] = {
    "attribution": Task("attribution", ATTRIBUTION_LABELS, "sentence", multi_label=True),
    "primary": Task("primary", PRIMARY_LABELS, "article", multi_label=False),
    "stance": Task("stance", STANCE_LABELS, "article", multi_label=False, pair=True),
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """The unit classified. `labels` is gold: None when nobody judged it, () when it is background."""

    start: int
    end: int
    text: str
    labels: tuple[str, ...] | None = None

    @property
    def span(self) -> tuple[int, int]:
        return self.start, self.end


@dataclass(frozen=True, slots=True)
class Claim:
    """One declarative sentence that an article may take a stance on; `label` is gold. With a `span` it is that stretch
    of the article, such as a sentence, which is judged, and not all of it."""

    claim_id: str
    claim: str
    label: str | None = None
    span: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Removal:
    """What was taken out of a text before it became an article: the rule that says so, the span in the text as it was
    read, and the words."""

    rule: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Article:
    """One published text. `origin` is where it was read from; `fields` holds any other scalar the file carried
    (corpus, register, sampling ...), kept so that scores can be sliced by it; `removals` are what cleaning took out."""

    article_id: str
    text: str
    origin: str = ""
    title: str | None = None
    outlet: str | None = None
    published: str | None = None
    url: str | None = None
    event: str | None = None
    sentences: tuple[Sentence, ...] = ()
    primary: str | None = None
    claims: tuple[Claim, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    removals: tuple[Removal, ...] = ()

    def __post_init__(self) -> None:
        for sentence in self.sentences:
            if self.text[sentence.start : sentence.end] != sentence.text:
                raise ValueError(f"{self.article_id}: sentence at {sentence.span} is not the text at these offsets")


@dataclass(frozen=True, slots=True)
class Example:
    """An article, the spans of it to judge and, for stance, the claim. `gold` holds one label set per span
    (one label for a single-label task) and is empty when nothing is known. Where the article is an excerpt of the one
    that was read, its text begins there at `offset`."""

    article: Article
    spans: tuple[tuple[int, int], ...]
    gold: tuple[tuple[str, ...], ...] = ()
    claim: Claim | None = None
    offset: int = 0

    @property
    def places(self) -> tuple[tuple[int, int], ...]:
        """The spans in the article that was read: those of the rows."""
        return tuple((start + self.offset, end + self.offset) for start, end in self.spans)


@dataclass(frozen=True, slots=True)
class Row:
    """One judged unit, gold or predicted: what scoring joins on `key`. `labels` None is an abstention;
    `fields` are the slices of a gold row; `probabilities` are empty on gold rows."""

    task: str
    article_id: str
    start: int
    end: int
    labels: tuple[str, ...] | None
    claim_id: str = ""
    probabilities: Mapping[str, float] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def span(self) -> tuple[int, int]:
        return self.start, self.end

    @property
    def key(self) -> tuple[str, str, str, int, int]:
        return self.task, self.article_id, self.claim_id, self.start, self.end

    def to_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {"task": self.task, "article_id": self.article_id}
        if self.claim_id:
            out["claim_id"] = self.claim_id
        out |= {"start": self.start, "end": self.end, "labels": None if self.labels is None else list(self.labels)}
        if self.probabilities:
            out["probabilities"] = dict(self.probabilities)
        if self.fields:
            out["fields"] = dict(self.fields)
        return out


@dataclass(frozen=True, slots=True)
class Score:
    """A metric's value with its interval. `n` counts rows and `articles` the articles resampled;
    low and high are None where no interval was asked for."""

    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    articles: int = 0


def examples_for(task: Task, articles: Iterable[Article]) -> Iterator[Example]:
    """The examples of `task` in `articles`; gold is filled in where the article carries it.

    attribution: every sentence of an article; primary: the whole text; stance: the whole text, or the claim's span
    of it as a text of its own, once per claim.
    """
    for article in articles:
        whole = ((0, len(article.text)),)
        if task.name == "attribution":
            judged = all(s.labels is not None for s in article.sentences)
            gold = tuple(s.labels or () for s in article.sentences) if judged else ()
            yield Example(article, tuple(s.span for s in article.sentences), gold)
        elif task.name == "primary":
            yield Example(article, whole, ((article.primary,),) if article.primary else ())
        else:
            for claim in article.claims:
                own = excerpt(article, claim.span) if claim.span else article
                offset = claim.span[0] if claim.span else 0
                yield Example(own, ((0, len(own.text)),), ((claim.label,),) if claim.label else (), claim, offset)


def excerpt(article: Article, span: tuple[int, int]) -> Article:
    """The stretch of an article as an article, with what lies in it of the sentences; the title is not part of it."""
    first, last = span
    text = article.text[first:last]
    inside = [(max(s.start, first), min(s.end, last), s.labels) for s in article.sentences]
    sentences = tuple(Sentence(i - first, j - first, article.text[i:j], labels) for i, j, labels in inside if i < j)
    return replace(article, text=text, title=None, sentences=sentences, claims=())


def gold_rows(task: Task, examples: Iterable[Example]) -> list[Row]:
    """One gold row per span of the annotated examples. Its slices: the article's fields, outlet and event, the
    `length` of the article and, where the span is a sentence of it, `position` and `quoted` (`slices`); a field that
    the article already has is kept."""
    rows = []
    for example in examples:
        if not example.gold:
            continue
        article = example.article
        of_sentence = slices(article) if task.unit == "sentence" else {}
        length = {"length": length_slice(article)} if article.sentences else {}
        fields = {**length, **article.fields}
        for name in ("outlet", "event"):
            if value := getattr(article, name):
                fields[name] = value
        for (start, end), labels in zip(example.places, example.gold, strict=True):
            claim_id = example.claim.claim_id if example.claim else ""
            own = {**of_sentence.get((start, end), {}), **fields} if task.unit == "sentence" else fields
            rows.append(Row(task.name, article.article_id, start, end, labels, claim_id, fields=own))
    return rows


def slices(article: Article) -> dict[tuple[int, int], dict[str, str]]:
    """`position` and `quoted` of every sentence, by its span.

    position: "headline" is the first sentence when it is the title or, without one, a paragraph of its own that no
    full stop ends (a corpus that ends its headlines so has none); "lead" the two sentences after it; the rest is cut
    in the middle into "first half" and "second half". quoted: "yes" when more than half of the sentence stands inside
    quotation marks. Any double mark opens, the next one closes, and so does the end of the paragraph, so that a lost
    mark spoils no more than that.
    """
    sentences = article.sentences
    inside = list(_quotations(article.text)) if sentences else []
    headline = int(_has_headline(article))
    middle = (headline + LEAD + len(sentences) + 1) // 2
    found = {}
    for i, s in enumerate(sentences):
        position = POSITIONS[(i >= headline) + (i >= headline + LEAD) + (i >= max(middle, headline + LEAD))]
        share = sum(max(0, min(s.end, end) - max(s.start, start)) for start, end in inside) / max(s.end - s.start, 1)
        found[s.span] = {"position": position, "quoted": "yes" if share > 0.5 else "no"}
    return found


def length_slice(article: Article) -> str:
    """The name in LENGTHS of an article of so many sentences."""
    return next(name for name, most in LENGTHS.items() if len(article.sentences) <= most)


def _has_headline(article: Article) -> bool:
    if not article.sentences:
        return False
    first = article.sentences[0]
    if article.title:
        return first.text.strip() == article.title.strip()
    rest = article.text[first.end :]
    own_paragraph = bool(rest.strip()) and "\n" in rest[: len(rest) - len(rest.lstrip())]
    return own_paragraph and not re.search(r"[.!…][\"”’)\]]*$", first.text)


def _quotations(text: str) -> Iterator[tuple[int, int]]:
    """Spans between quotation marks."""
    opened: int | None = None
    for mark in _MARK.finditer(text):
        if opened is not None:
            yield opened, mark.start()
            opened = None
        elif mark[0] != "\n":
            opened = mark.end()
    if opened is not None:
        yield opened, len(text)


@dataclass(frozen=True, slots=True)
class Stance:
    """What an article does to a claim; `evidence` are the spans of the sentences that bear most on the claim, and
    `sentences`, where they were asked for, a row for each one that shares a word with it."""

    claim: Claim
    row: Row
    evidence: tuple[tuple[int, int], ...]
    sentences: tuple[Row, ...] = ()

    def to_json(self) -> dict[str, Any]:
        out = {"claim_id": self.claim.claim_id, "claim": self.claim.claim, **_judged(self.row)}
        if self.claim.span:
            out |= {"start": self.row.start, "end": self.row.end}
        out["evidence"] = [list(span) for span in self.evidence]
        if self.sentences:
            out["sentences"] = [{"start": row.start, "end": row.end, **_judged(row)} for row in self.sentences]
        return out


def _judged(row: Row) -> dict[str, Any]:
    return {"label": row.labels[0] if row.labels else None, "probabilities": dict(row.probabilities)}


@dataclass(frozen=True, slots=True)
class Prediction:
    """What `classify` says of one article. `sentences` holds a row per sentence (none without an attribution model);
    `derived` tells that `primary` follows from headline and lead because no primary model was there; `stances` follow
    the claims asked for."""

    article: Article
    sentences: tuple[Row, ...]
    primary: Row | None
    derived: bool
    models: Mapping[str, Mapping[str, str]]
    stances: tuple[Stance, ...] = ()

    @property
    def labelled_article(self) -> Article:
        """The article with what was predicted in the place of gold; its fields name the models."""
        sentences = tuple(
            Sentence(row.start, row.end, self.article.text[row.start : row.end], row.labels) for row in self.sentences
        )
        primary = self.primary.labels[0] if self.primary and self.primary.labels else None
        claims = tuple(replace(s.claim, label=s.row.labels[0] if s.row.labels else None) for s in self.stances)
        fields = {**self.article.fields, LABELLED_BY: ", ".join(dict.fromkeys(m["name"] for m in self.models.values()))}
        return replace(
            self.article,
            sentences=sentences or self.article.sentences,
            primary=primary,
            claims=claims or self.article.claims,
            fields=fields,
        )

    @property
    def shares(self) -> dict[str, float]:
        """The share of the sentences with each label, background included; may sum to more than 1."""
        counts = dict.fromkeys(PRIMARY_LABELS, 0)
        for row in self.sentences:
            for label in (BACKGROUND,) if row.labels == () else row.labels or ():
                counts[label] += 1
        return {label: round(n / len(self.sentences), 4) if self.sentences else 0.0 for label, n in counts.items()}

    @property
    def abstentions(self) -> dict[str, int]:
        """How many sentences and articles were judged or to be judged, and how many of them stayed silent."""
        primary = (self.primary,) if self.primary else ()
        units = {"sentences": self.sentences, "articles": primary, "stances": tuple(s.row for s in self.stances)}
        silent = {f"silent {unit}": sum(row.labels is None for row in rows) for unit, rows in units.items()}
        return {unit: len(rows) for unit, rows in units.items()} | silent

    def to_json(self) -> dict[str, Any]:
        """The prediction JSONL contract."""
        article = self.article
        out: dict[str, Any] = {"article_id": article.article_id, "origin": article.origin, "title": article.title}
        out |= {name: article.fields[name] for name in ("language", "group") if name in article.fields}
        if self.primary:
            out["primary"] = _judged(self.primary)
            if self.derived:
                out["primary"]["derived"] = True
        if self.sentences:
            out["shares"] = self.shares
        out["sentences"] = [
            {
                "start": row.start,
                "end": row.end,
                "text": article.text[row.start : row.end],
                "labels": None if row.labels is None else list(row.labels),
                "probabilities": dict(row.probabilities),
            }
            for row in self.sentences
        ]
        if self.stances:
            out["stances"] = [stance.to_json() for stance in self.stances]
        out["models"] = {task: dict(origin) for task, origin in self.models.items()}
        return out
