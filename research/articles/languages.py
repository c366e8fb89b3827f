"""The language of a text, where it is plain to see: the models know English only. What the commonest English words do
not show, py3langid detects."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

LANGUAGE = "language"  # in Article.fields
READ = 1000  # characters; the language of an article shows in its first sentences
PIECES = 4
SHORTEST_PIECE = 100  # characters, unless the text is shorter
SURE = 0.9  # py3langid's probability
PLAIN = 0.25  # share of ENGLISH words in a piece of a text that is English without a look at its letters
PLAIN_WORDS = 10  # the least of such a piece
ENGLISH = frozenset(
    """the of and to a in that is was for it on with as he be by at from his have had has are were not but they their
    said which who an or its this would been will she her we you i after about when there more than""".split()
)
# Words of German, French, Spanish, Italian, Portuguese and Dutch that are neither English nor names.
OTHERS = frozenset(
    """und das nicht ist für auf ein eine wurde werden sind zum zur bei nach über sie auch mehr dieser diese dieses
    une dans pour avec vous aux nous sont cette ces lire votre aussi
    gli che della delle questo questa nel sono leggi anche è
    las una por como más esta este sus não mais leia het een voor niet naar zijn ook""".split()
)
_WORD = re.compile(r"[^\W\d_]+")


def is_foreign(line: str) -> bool:
    """Whether a line, short as it may be, has more words of another language than of English."""
    words = _WORD.findall(line.lower())
    others = sum(word in OTHERS for word in words)
    return others * 9 >= len(words) > 2 and others > sum(word in ENGLISH for word in words)


def language_of(text: str) -> str | None:
    """The ISO 639-1 code of the language in which `text` begins, such as "en"; None when that is not sure.

    Sure means that all pieces of the first 1,000 characters are taken for the same language, and one of them with
    probability .9 or more. So a headline has often no language, and a text in two languages has none.
    """
    text = text.strip()[:READ]
    pieces = _pieces(text)
    if len(pieces) > 1 and all(map(_is_plain, pieces)):
        return "en"
    identify = _identifier().classify
    found = [identify(piece) for piece in pieces]
    sure = len({code for code, _ in found}) == 1 and max(probability for _, probability in found) >= SURE
    return str(found[0][0]) if sure else None


def _is_plain(piece: str) -> bool:
    """Whether so many words of a piece are the commonest English ones that py3langid, which takes a second to load,
    need not be asked."""
    words = _WORD.findall(piece.lower())
    return len(words) >= PLAIN_WORDS and sum(word in ENGLISH for word in words) >= PLAIN * len(words)


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
