"""The language of a text, where it is plain to see: the models know English only. The detection is py3langid's."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

READ = 1000  # characters; the language of an article shows in its first sentences
PIECES = 4
SHORTEST_PIECE = 100  # characters, unless the text is shorter
SURE = 0.9  # py3langid's probability


def language_of(text: str) -> str | None:
    """The ISO 639-1 code of the language in which `text` begins, such as "en"; None when that is not sure.

    Sure means that all pieces of the first 1,000 characters are taken for the same language, and one of them with
    probability .9 or more. So a headline has often no language, and a text in two languages has none.
    """
    identify = _identifier().classify
    found = [identify(piece) for piece in _pieces(text.strip()[:READ])]
    sure = len({code for code, _ in found}) == 1 and max(probability for _, probability in found) >= SURE
    return str(found[0][0]) if sure else None


def _pieces(text: str) -> list[str]:
    """Pieces of about equal length, at most PIECES."""
    count = max(1, min(PIECES, len(text) // SHORTEST_PIECE))
    return [text[len(text) * i // count : len(text) * (i + 1) // count] for i in range(count)]


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # its model takes a second and 100 MB

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    # Others, such as Nigerian Pidgin, have no code of two letters and take English headlines for their own.
    identifier.set_languages([code for code in identifier.labels if len(code) == 2])
    return identifier
