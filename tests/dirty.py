"""The corpus of dirty inputs (tests/data/dirty): reading it, and judging what a cleaner made of it.

    counts = sum((judge(case.expected, clean(case.path)) for case in load(SEEN)), Counts())
    print(counts.shares(), counts.lost, counts.left)

All comparisons are between `plain` forms, so neither line ends nor invisible characters count.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple, TypedDict

SEEN = Path(__file__).parent / "data" / "dirty" / "seen"
HELD = SEEN.parent / "held"
FRESH = SEEN.parent / "fresh"
BLIND = SEEN.parent / "blind"
NEW = SEEN.parent / "new"
INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))


class ExpectedArticle(TypedDict):
    title: str | None  # to be kept once; None where the input has no headline
    sentences: list[str]  # all of the body, in order, entities decoded


class Expected(TypedDict):
    articles: list[ExpectedArticle]
    furniture: list[str]  # what may stand in no cleaned text
    kind: str


class Case(NamedTuple):
    name: str
    path: Path
    expected: Expected


@dataclass(frozen=True)
class Counts:
    """What a cleaner got right, of how many; counts of several files add up."""

    sentences: int = 0
    kept: int = 0
    furniture: int = 0
    removed: int = 0
    files: int = 0
    separated: int = 0
    titles: int = 0
    once: int = 0
    lost: tuple[str, ...] = ()  # the sentences not kept
    left: tuple[str, ...] = ()  # the furniture not removed

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Counts)))

    def shares(self) -> dict[str, float]:
        """From 0 to 1; what there was none of is left out."""
        pairs = {
            "sentences kept": (self.kept, self.sentences),
            "furniture removed": (self.removed, self.furniture),
            "files separated": (self.separated, self.files),
            "titles once": (self.once, self.titles),
        }
        return {name: right / of for name, (right, of) in pairs.items() if of}


def plain(text: str) -> str:
    """Without invisible characters, and with one space for any white space (non-breaking ones and line ends too)."""
    return " ".join(text.translate(INVISIBLE).split())


def load(folder: Path) -> list[Case]:
    """The cases of a folder by name: each text or page with the JSON file of the same stem."""
    paths = sorted(path for path in folder.iterdir() if path.suffix in {".txt", ".html"})
    return [Case(path.stem, path, json.loads(path.with_suffix(".json").read_text("utf-8"))) for path in paths]


def judge(expected: Expected, articles: Sequence[tuple[str | None, str]]) -> Counts:
    """Compare the (title, text) that a cleaner made of one file with what was expected of it.

    A sentence is kept if it stands in the text at its article's place or, where the number of articles differs, in any
    text. Entities left undecoded make it another sentence.
    Furniture is removed if it stands in no text and in no title.
    A file is separated if the number of articles is right, every text has a sentence of its article, and no text has
    one of another article; sentences that are lost altogether count against recall and not here.
    A title is once if exactly one line of the text is the title, or no line is and the title given beside the text is
    the one expected; capitals do not matter, and where the number of articles differs all of them are looked at.
    """
    wanted = expected["articles"]
    texts = [plain(text) for _, text in articles]
    same = len(wanted) == len(articles)
    lost = []
    for place, article in enumerate(wanted):
        at = texts[place : place + 1] if same else texts
        lost += [sentence for sentence in article["sentences"] if not any(plain(sentence) in text for text in at)]
    everything = [*texts, *(plain(title or "") for title, _ in articles)]
    left = [string for string in expected["furniture"] if any(plain(string) in text for text in everything)]
    titles = [(place, article["title"]) for place, article in enumerate(wanted) if article["title"]]
    return Counts(
        sentences=(sentences := sum(len(article["sentences"]) for article in wanted)),
        kept=sentences - len(lost),
        furniture=len(expected["furniture"]),
        removed=len(expected["furniture"]) - len(left),
        files=1,
        separated=int(same and _separated(wanted, texts)),
        titles=len(titles),
        once=sum(_once(title, articles[place : place + 1] if same else articles) for place, title in titles),
        lost=tuple(lost),
        left=tuple(left),
    )


def _separated(wanted: Sequence[ExpectedArticle], texts: Sequence[str]) -> bool:
    bodies = [plain(" ".join(article["sentences"])) for article in wanted]
    for place, article in enumerate(wanted):
        sentences = [plain(sentence) for sentence in article["sentences"]]
        if not any(sentence in texts[place] for sentence in sentences):
            return False
        # Two articles may share a sentence ("He declined to comment."), so it is at home in both.
        strangers = [
            text for text, body in zip(texts, bodies, strict=True) for s in sentences if s in text and s not in body
        ]
        if strangers:
            return False
    return True


def _once(title: str, articles: Sequence[tuple[str | None, str]]) -> bool:
    wanted = plain(title).casefold()
    lines = sum(plain(line).casefold() == wanted for _, text in articles for line in text.splitlines())
    return lines == 1 or (lines == 0 and any(plain(given or "").casefold() == wanted for given, _ in articles))
