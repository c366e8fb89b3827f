"""What a dataset is, in words: title, licence, citation. The cards stand in cards.yaml beside this file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from research.config import read_yaml

CARDS = Path(__file__).with_name("cards.yaml")


@dataclass(frozen=True, slots=True)
class Card:
    """A data card. `synthetic` says that the texts, or some of them, were written for the package and report nothing
    that happened."""

    title: str
    description: str
    licence: str
    citation: str
    homepage: str
    synthetic: bool


def read_cards() -> dict[str, Card]:
    """The cards of the datasets the package knows by name."""
    return {name: Card(**values) for name, values in read_yaml(CARDS).items()}


def mixed_card(cards: list[Card]) -> Card:
    """One card for several datasets: every licence and citation stays visible."""

    def joined(values: list[str], by: str) -> str:
        return by.join(dict.fromkeys(v for v in values if v))

    return Card(
        title=joined([c.title for c in cards], " + "),
        description=joined([c.description for c in cards], " "),
        licence=joined([c.licence for c in cards], "; "),
        citation=joined([c.citation for c in cards], "; "),
        homepage=joined([c.homepage for c in cards], " "),
        synthetic=any(c.synthetic for c in cards),
    )
