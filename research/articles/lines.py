"""Article JSONL, the contract between people's files and the package: one article a line, labelled or not.

Keys: `article_id`, `text` or `html`; optional `title`, `outlet`, `published`, `url`, `event`; optional `sentences`,
either [[start, end], ...] or objects with `start`, `end` and `labels`; optional `primary` and `claims`
([{claim_id, claim, label}], with start and end where a stretch of the text was judged). Any other scalar is kept in
`Article.fields`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, BinaryIO, TypeGuard

from research.articles.columns import METADATA, NAMES, missing_text, rename
from research.articles.pages import article_from_html
from research.articles.texts import SIZE_LIMIT, UTF16_MARKS, Document, Problem, decode_text
from research.records import TASKS, Article, Claim, ResearchError, Sentence

_SURROGATE = re.compile("[\ud800-\udfff]")


def article_from_json(obj: object, origin: str) -> Article:
    """The article in one decoded JSON value. A given `text` is never altered.

    ResearchError, one line that begins with `origin`, for whatever breaks the contract.
    """
    try:
        return parse_article(obj, origin)
    except ResearchError as error:
        raise ResearchError(f"{origin}: {error}") from None


def article_to_json(article: Article) -> dict[str, Any]:
    """The article as a JSON object that `article_from_json` reads back; `origin` is not part of it."""
    out: dict[str, Any] = {"article_id": article.article_id}
    out |= {name: value for name in METADATA if (value := getattr(article, name)) is not None}
    out["text"] = article.text
    if any(sentence.labels is not None for sentence in article.sentences):
        out["sentences"] = [
            {"start": s.start, "end": s.end} | ({} if s.labels is None else {"labels": list(s.labels)})
            for s in article.sentences
        ]
    elif article.sentences:
        out["sentences"] = [[s.start, s.end] for s in article.sentences]
    if article.primary is not None:
        out["primary"] = article.primary
    if article.claims:
        out["claims"] = [
            {"claim_id": c.claim_id, "claim": c.claim}
            | ({} if c.label is None else {"label": c.label})
            | ({} if c.span is None else {"start": c.span[0], "end": c.span[1]})
            for c in article.claims
        ]
    return out | {name: value for name, value in article.fields.items() if name not in NAMES}


def read_lines(
    lines: Iterable[bytes], name: str, origin: str, columns: Mapping[str, str] = {}, skip: Container[str] = ()
) -> Iterator[Article | Document | Problem]:
    """An article, a document or a problem for every line that is not blank, less those with an origin to `skip`.

    With `columns` the keys are a stranger's: a line without an id is called "<name>:<line>", one problem stands for
    a file whose first line has not the key of the text, and one for a key that no line has.
    """
    number = 0
    unseen = set(columns.values())
    for number, line in enumerate(lines, 1):
        at = f"{origin}:{number}"
        if number == 1 and line.startswith(UTF16_MARKS):
            yield Problem(origin, "UTF-16; JSON lines are UTF-8, convert it first")
            return
        if number == 1 and b"\0" in line:  # else every line of it would be reported
            yield Problem(origin, "looks like a binary file")
            return
        if not line.strip() or (at in skip and not unseen):
            continue
        try:
            obj = _load(line)
        except ResearchError as error:
            yield Problem(at, str(error))
            continue
        if columns and isinstance(obj, Mapping):
            if number == 1 and (problem := missing_text(obj, columns)):
                yield Problem(origin, problem)
                return
            unseen.difference_update(obj)
            obj = {"article_id": f"{name}:{number}"} | rename(obj, columns)
        if at not in skip:
            yield item_of(obj, at)
    if number == 0:
        yield Problem(origin, "no text")
    elif unseen:
        yield Problem(origin, f"no line has the key '{min(unseen)}', which is mapped")


def item_of(obj: object, origin: str) -> Article | Document | Problem:
    """The article in a decoded JSON value, or why there is none; one with html is left for later."""
    if isinstance(obj, Mapping) and obj.get("text") is None and isinstance(obj.get("html"), str):
        return Document("object", origin, decoded=obj)
    try:
        return parse_article(obj, origin)
    except ResearchError as error:
        return Problem(origin, str(error))


def split_lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a stream; of a line over SIZE_LIMIT only as much as shows that it is."""
    while line := stream.readline(SIZE_LIMIT + 1):
        yield line
        while len(line) > SIZE_LIMIT and not line.endswith(b"\n"):
            line = stream.readline(SIZE_LIMIT + 1)


def parse_article(obj: object, origin: str) -> Article:
    """`article_from_json` for callers that report the origin beside the message, not in it."""
    if not isinstance(obj, Mapping):
        raise ResearchError(f"an article is an object with article_id and text, not {_name(obj)}")
    text, html = _string(obj, "text"), _string(obj, "html")
    found = ", ".join(sorted(str(key) for key, value in obj.items() if value is not None)) or "nothing"
    if text is None and html is None:
        raise ResearchError(f"key 'text' or 'html' is missing (found: {found})")
    article_id = obj.get("article_id")
    if isinstance(article_id, int) and not isinstance(article_id, bool):
        article_id = str(article_id)  # ids of corpora are often numbers
    elif "article_id" not in obj:
        raise ResearchError(f"key 'article_id' is missing (found: {found})")
    else:
        article_id = _string(obj, "article_id")
    if not article_id:
        raise ResearchError("article_id is empty")
    metadata: dict[str, Any] = {name: value for name in METADATA if (value := _string(obj, name))}
    if text is not None:
        if not text.strip():
            raise ResearchError("no text")
        article = Article(article_id, text, origin)
    else:
        if obj.get("sentences"):
            raise ResearchError("sentences need 'text': the offsets mean nothing in html")
        article = article_from_html(html or "", article_id, origin, metadata.get("url", ""))
    primary = _string(obj, "primary")
    if primary is not None:
        _check_label("primary", primary, "primary")
    return replace(
        article,
        **metadata,
        sentences=_sentences(_sequence(obj, "sentences"), article.text),
        primary=primary,
        claims=_claims(_sequence(obj, "claims"), article.text),
        fields={**article.fields}
        | {str(name): _scalar(v) for name, v in obj.items() if name not in NAMES and _is_scalar(v)},
    )


def _load(line: bytes) -> object:
    if len(line) > SIZE_LIMIT:
        raise ResearchError(f"line is longer than {SIZE_LIMIT // 2**20} MB")
    try:
        return json.loads(decode_text(line).rstrip("\r\n"))
    except json.JSONDecodeError as error:
        raise ResearchError(f"not JSON: {error.msg} at column {error.colno}") from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; lists in lists in lists
        raise ResearchError(f"not JSON that can be read: {error}") from None


def _sentences(values: Sequence[object], text: str) -> tuple[Sentence, ...]:
    sentences: list[Sentence] = []
    for index, value in enumerate(values):
        where = f"sentences[{index}]"
        labels: object = None
        if isinstance(value, Mapping):
            given, labels = (value.get("start"), value.get("end")), value.get("labels")
        elif _is_list(value) and len(value) == 2:
            given = (value[0], value[1])
        else:
            raise ResearchError(f"{where}: expected [start, end] or an object with start, end and labels")
        start, end = _span(where, *given, text)
        if sentences and start < sentences[-1].end:
            raise ResearchError(
                f"{where}: start {start} is before the end of sentences[{index - 1}] ({sentences[-1].end})"
            )
        if isinstance(value, Mapping) and value.get("text", text[start:end]) != text[start:end]:
            raise ResearchError(f"{where}: its 'text' is not the text from {start} to {end}")
        sentences.append(Sentence(start, end, text[start:end], _labels(where, labels)))
    return tuple(sentences)


def _span(where: str, first: object, last: object, text: str) -> tuple[int, int]:
    start, end = _offset(f"{where}: start", first), _offset(f"{where}: end", last)
    if start < 0:
        raise ResearchError(f"{where}: start {start} is before the text")
    if end > len(text):
        raise ResearchError(f"{where}: end {end} is beyond the text ({len(text)} characters)")
    if start >= end:
        raise ResearchError(f"{where}: empty, start {start} and end {end}")
    return start, end


def _offset(where: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ResearchError(f"{where} must be a whole number, not {_name(value)}")
    return value


def _labels(where: str, values: object) -> tuple[str, ...] | None:
    if values is None:
        return None
    if not _is_list(values):
        raise ResearchError(f"{where}: labels must be a list, not {_name(values)}")
    for value in values:
        _check_label("attribution", value, where)
    return tuple(label for label in TASKS["attribution"].labels if label in values)  # each once, in the task's order


def _claims(values: Sequence[object], text: str) -> tuple[Claim, ...]:
    claims: dict[tuple[str, tuple[int, int] | None], Claim] = {}
    for index, value in enumerate(values):
        where = f"claims[{index}]"
        if not isinstance(value, Mapping):
            raise ResearchError(f"{where}: expected an object with claim_id and claim, not {_name(value)}")
        try:
            claim_id, claim, label = _string(value, "claim_id"), _string(value, "claim"), _string(value, "label")
        except ResearchError as error:
            raise ResearchError(f"{where}: {error}") from None
        for name, given in (("claim_id", claim_id), ("claim", claim)):
            if not given:
                raise ResearchError(f"{where}: key '{name}' is missing or empty")
        assert claim_id and claim
        span = _span(where, value.get("start"), value.get("end"), text) if {"start", "end"} & value.keys() else None
        if (claim_id, span) in claims:
            raise ResearchError(f"{where}: claim_id {claim_id!r} is used twice")
        if label is not None:
            _check_label("stance", label, where)
        claims[claim_id, span] = Claim(claim_id, claim, label, span)
    return tuple(claims.values())


def _check_label(task: str, label: object, where: str) -> None:
    if label not in TASKS[task].labels:
        raise ResearchError(f"{where}: unknown label {label!r} (known: {', '.join(TASKS[task].labels)})")


def _string(obj: Mapping[str, Any], key: str) -> str | None:
    value = obj.get(key)
    if value is not None and not isinstance(value, str):
        raise ResearchError(f"key '{key}' must be text, not {_name(value)}")
    if value and (surrogate := _SURROGATE.search(value)):
        raise ResearchError(f"key '{key}' holds half a character (a lone surrogate) at {surrogate.start()}")
    return value


def _sequence(obj: Mapping[str, Any], key: str) -> Sequence[object]:
    value = obj.get(key)
    if value is not None and not _is_list(value):
        raise ResearchError(f"key '{key}' must be a list, not {_name(value)}")
    return value or ()


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, list | tuple)


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float)


def _scalar(value: object) -> str:
    return json.dumps(value) if isinstance(value, bool) else _SURROGATE.sub("\ufffd", str(value))


def _name(value: object) -> str:
    """What JSON calls the value's kind."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    names = {str: "text", int: "a number", float: "a number", dict: "an object", list: "a list"}
    return names.get(type(value), f"a {type(value).__name__}")
