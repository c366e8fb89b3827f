"""What a host asks of programs that fetch from it: its robots.txt (RFC 9309).

protego reads them, since urllib's parser knows no wildcards: of `Disallow: /*?print` it would see nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from research.articles.answers import USER_AGENT, Answer
from research.records import ResearchError

if TYPE_CHECKING:
    from protego import Protego

SIZE = 500 * 1024  # bytes of a robots.txt that are read; RFC 9309 asks for as many
PATH = "/robots.txt"


class Rules(NamedTuple):
    """What a host allows. `refusal` stands in place of rules when the host could not tell them."""

    parsed: Protego | None = None
    refusal: str = ""

    def check(self, url: str) -> None:
        """ResearchError when the page must not be fetched."""
        if self.refusal:
            raise ResearchError(self.refusal)
        if self.parsed and urlsplit(url).path != PATH and not self.parsed.can_fetch(url, USER_AGENT):
            raise ResearchError("robots.txt of this host forbids it")

    @property
    def delay(self) -> float:
        """Seconds between two pages that the host asks for."""
        return float((self.parsed and self.parsed.crawl_delay(USER_AGENT)) or 0)


def read_rules(answer: Answer) -> Rules:
    """The rules in the answer to robots.txt: none at a 4xx, while a host that is out of order refuses everything."""
    from protego import Protego  # only runs that fetch need it

    if answer.status == 200:
        return Rules(Protego.parse(answer.data[:SIZE].decode("utf-8", "replace")))
    if answer.status >= 500:
        return Rules(refusal=f"robots.txt of this host answers HTTP {answer.status}: refused for now")
    return Rules()
