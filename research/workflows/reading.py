"""Sources to the articles that are wanted: what cleaning took out told, other languages left out, copies grouped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from research.articles.copies import GROUP, Copies, OutletCounter
from research.articles.languages import LANGUAGE, language_of
from research.records import Article

ENGLISH = "en"
_CODE = re.compile(r"([A-Za-z]{2})(?:[-_].*)?")  # people's own field may hold "en-GB", or "English"


class CopiesWanted(StrEnum):
    """What becomes of near-duplicates, such as one wire story in nine outlets."""

    all = "all"  # read like any other article
    mark = "mark"  # get the id of their group
    first = "first"  # only the first one of a group is kept


@dataclass
class Wanted:
    """What to do with articles as they are read. `removed` is told of what cleaning took out of an article."""

    any_language: bool = False
    copies: CopiesWanted = CopiesWanted.all
    removed: Callable[[Article], None] | None = None
    left_out: int = 0  # copies, so far
    outlets: OutletCounter = field(default_factory=OutletCounter)

    def choose(self, articles: Iterable[Article], on_error: Callable[[str, str], None]) -> Iterator[Article]:
        """The articles wanted, in order, with the fields "language" (where it is sure) and "group" (of copies)."""
        groups = Copies() if self.copies is not CopiesWanted.all else None
        for article in articles:
            if self.removed and article.removals:
                self.removed(article)
            known = _CODE.fullmatch(article.fields.get(LANGUAGE, ""))
            language = known[1].lower() if known else language_of(article.text)
            if language and language != ENGLISH and not self.any_language:
                on_error(article.origin, f"not English (its language is '{language}'), which is what the models know")
                continue
            fields = {LANGUAGE: language, **article.fields} if language else dict(article.fields)
            if groups:
                fields[GROUP] = groups.group(article)
            chosen = replace(article, fields=fields)
            original = self.outlets.add(chosen)
            if original or self.copies is not CopiesWanted.first:
                yield chosen
            else:
                self.left_out += 1
