"""The behavioural suite: behaviour/*.yaml, one file a capability, small fictional articles made to test one thing each.

After CheckList (Ribeiro et al. 2020, ACL, "Beyond Accuracy: Behavioral Testing of NLP Models with CheckList"). A file
names its capability, its task, what is expected, and its cases:

    capability: denied-to-confirmed     the file's name
    task: attribution                   or primary
    about: "Denied becomes confirmed."  one line
    expect: labels                      labels: as written. same: as in the first version, whatever they are.
                                        change: labels that differ between the versions go or come as written
    of: [denial]                        the labels looked at; all of the task where it is left out
    cases:
      - case: salt-levy
        headline: "Row over salt"       may be left out
        sentences:
          - "A sentence of context, not judged."
          - {text: "Corrant {denied|confirmed} it.", labels: [official_statement, denial], then: [official_statement]}

`{one|other}` makes a case a pair: the first version has what stands before the bar, the second what stands after it; a
sentence without words in a version is left out of it. `labels` is the gold by the codebook, `then` that of the second
version where it differs. A case of `primary` has sentences without labels, and keys `primary` and `then` of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from research.config import Section, read_yaml, validate
from research.datasets.dataset import digest
from research.datasets.problems import Problems
from research.records import ATTRIBUTION_LABELS, TASKS, Article, ResearchError, Row, Sentence

FOLDER = Path(__file__).parent / "behaviour"

Label = Literal["official_statement", "speculation", "denial", "background"]
Given = Literal["official_statement", "speculation", "denial"]
CHOICE = re.compile(r"\{([^{}|]*)\|([^{}|]*)\}")


def _words(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise ValueError("expected small letters and hyphens, such as salt-levy")
    return name


Name = Annotated[str, AfterValidator(_words)]


class _File(Section):
    capability: Name
    task: Literal["attribution", "primary"]
    about: str = Field(min_length=1)
    expect: Literal["labels", "same", "change"]
    of: tuple[Label, ...] = ()
    cases: tuple[Any, ...] = Field(min_length=1)


class _Case(Section):
    case: Name
    headline: Any = None
    sentences: tuple[Any, ...] = Field(min_length=1)
    primary: Label | None = None
    then: Label | None = None


class _Sentence(Section):
    text: str = Field(min_length=1)
    labels: tuple[Given, ...] | None = None
    then: tuple[Given, ...] | None = None


@dataclass(frozen=True)
class Case:
    """One small article, or two versions of it. `gold` are the judged rows of both; their fields say capability, case,
    version (1, 2), sentence (0 is the headline), what is expected and of which labels."""

    capability: str
    name: str
    versions: tuple[Article, ...]
    gold: tuple[Row, ...]


@dataclass(frozen=True)
class Capability:
    name: str
    task: str
    about: str
    expect: str
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Suite:
    """All capabilities, by name; `revision` names the content of their files."""

    revision: str
    capabilities: tuple[Capability, ...]

    def cases(self, task: str) -> list[Case]:
        return [case for one in self.capabilities if one.task == task for case in one.cases]


def load_suite(folder: Path = FOLDER) -> Suite:
    """The suite in a folder of YAML files. ResearchError names file, case and key of every problem."""
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise ResearchError(f"{folder}: no capability file (*.yaml)")
    problems = Problems()
    capabilities = [one for file in files if (one := _capability(file, problems))]
    problems.check()
    return Suite(digest("\n".join(file.read_text(encoding="utf-8") for file in files)), tuple(capabilities))


def _capability(file: Path, problems: Problems) -> Capability | None:
    try:
        head = validate(_File, read_yaml(file), file.name)
    except ResearchError as e:
        problems.add(str(e).replace(str(file), file.name))
        return None
    if head.capability != file.stem:
        problems.add(f"{file.name}: capability is '{head.capability}', expected the file's name '{file.stem}'")
    for label in head.of:
        if label not in TASKS[head.task].labels:
            problems.add(f"{file.name}: of: task '{head.task}' has no label '{label}'")
    cases: dict[str, Case] = {}
    for number, raw in enumerate(head.cases, start=1):
        named = raw.get("case", number) if isinstance(raw, dict) else number
        where = f"{file.name}: case {named}"
        try:
            case = _case(head, raw, where)
        except ResearchError as e:
            problems.add(str(e))
            continue
        if case.name in cases:
            problems.add(f"{where}: the name is used twice")
        cases[case.name] = case
    return Capability(head.capability, head.task, head.about, head.expect, tuple(cases.values()))


def _case(head: _File, raw: Any, where: str) -> Case:
    """ResearchError with a line for each thing that is wrong with one case."""
    problems = Problems()
    if not isinstance(raw, dict):
        raise ResearchError(f"{where}: expected the keys case, sentences, found {raw!r}")
    given = validate(_Case, raw, where)
    numbered = [] if given.headline is None else [(0, given.headline)]
    numbered += list(enumerate(given.sentences, start=1))
    sentences = {}
    for number, one in numbered:
        try:
            sentences[number] = _sentence(one, f"{where}: {f'sentence {number}' if number else 'headline'}")
        except ResearchError as e:
            problems.add(str(e))
    problems.check()
    pair = any(CHOICE.search(one.text) for one in sentences.values())
    versions = (1, 2) if pair else (1,)
    _check_gold(head, given, sentences, pair, where, problems)
    problems.check()
    built = [_version(head, given, sentences, version) for version in versions]
    return Case(
        head.capability, given.case, tuple(a for a, _ in built), tuple(row for _, rows in built for row in rows)
    )


def _sentence(raw: Any, where: str) -> _Sentence:
    one = validate(_Sentence, raw if isinstance(raw, dict) else {"text": raw}, where)
    if re.search(r"[{|}]", CHOICE.sub("", one.text)):
        raise ResearchError(f"{where}: text: expected pairs as {{one|other}}, found {one.text!r}")
    texts = [_text(one, version) for version in (1, 2)]
    for text in texts:
        if text != re.sub(r"\s+", " ", text).strip():
            raise ResearchError(f"{where}: text: white space around it, doubled or a line break: {text!r}")
    if one.labels is None and one.then is not None:
        raise ResearchError(f"{where}: key 'labels' is missing")
    if one.labels is not None and not all(texts):
        raise ResearchError(f"{where}: a judged sentence has to stand in both versions")
    for key in ("labels", "then"):
        found = getattr(one, key)
        if found and len(set(found)) < len(found):
            raise ResearchError(f"{where}: {key}: one stands twice: {list(found)}")
    return one


def _text(one: _Sentence, version: int) -> str:
    return CHOICE.sub(lambda found: found[version], one.text)


def _check_gold(
    head: _File, case: _Case, sentences: Mapping[int, _Sentence], pair: bool, where: str, problems: Problems
) -> None:
    """Whether the gold of a case fits its task and what the file expects of it."""
    judged = [one for one in sentences.values() if one.labels is not None]
    if head.task == "primary":
        if judged:
            problems.add(f"{where}: task 'primary' judges the article: write its label as the key 'primary'")
        if case.primary is None:
            problems.add(f"{where}: key 'primary' is missing")
        gold = [((case.primary,), (case.then,) if case.then else None)]
    else:
        if case.primary or case.then:
            problems.add(f"{where}: task 'attribution' judges sentences: write labels there")
        if not judged:
            problems.add(f"{where}: no sentence has labels")
        gold = [(one.labels, one.then) for one in judged]  # type: ignore[misc]
    if not all(any(_text(one, version) for one in sentences.values()) for version in (1, 2)):
        problems.add(f"{where}: a version has no words")
    looked_at = set(head.of or TASKS[head.task].labels)
    second = [labels for _, labels in gold if labels is not None]
    if second and not pair:
        problems.add(f"{where}: then: there is no second version; write what differs as {{one|other}}")
    if head.expect != "labels" and not pair:
        problems.add(f"{where}: expect is '{head.expect}', but there is no second version; write {{one|other}}")
    if head.expect == "same" and second:
        problems.add(f"{where}: then: expect is 'same', so the labels cannot differ")
    changed = any(looked_at & (set(a) ^ set(b)) for a, b in gold if b is not None)
    if head.expect == "change" and not changed:
        problems.add(f"{where}: expect is 'change', but none of {', '.join(sorted(looked_at))} goes or comes in 'then'")


def _version(head: _File, case: _Case, sentences: Mapping[int, _Sentence], version: int) -> tuple[Article, list[Row]]:
    article_id = f"{head.capability}/{case.case}/{version}"
    common = {"capability": head.capability, "case": case.case, "version": str(version), "expect": head.expect}
    common["of"] = " ".join(head.of or TASKS[head.task].labels)
    text = ""
    spans: list[tuple[int, Sentence]] = []
    rows: list[Row] = []
    for number, one in sentences.items():
        own = _text(one, version)
        if not own:
            continue
        if text:
            text += "\n\n" if number and spans[-1][0] == 0 else " "
        start = len(text)
        text += own
        spans.append((number, Sentence(start, len(text), own)))
        if one.labels is not None:
            given = one.then if version == 2 and one.then is not None else one.labels
            labels = tuple(label for label in ATTRIBUTION_LABELS if label in given)
            rows.append(Row(head.task, article_id, start, len(text), labels, fields=common | {"sentence": str(number)}))
    if head.task == "primary":
        label = case.then if version == 2 and case.then else case.primary
        assert label is not None  # _check_gold
        rows = [Row(head.task, article_id, 0, len(text), (label,), fields=common | {"sentence": "0"})]
    title = _text(sentences[0], version) if 0 in sentences else None
    return Article(article_id, text, title=title, sentences=tuple(s for _, s in spans)), rows


def gold_of(cases: Sequence[Case]) -> list[Row]:
    """The judged rows of all versions of all cases."""
    return [row for case in cases for row in case.gold]
