"""Examples to passages: what each pass of the encoder reads, and which of its tokens speak for which row.

A row is what is judged: a sentence, or a whole article. Nothing is truncated: what does not fit into one passage is
read in several, and a row that stands in several is judged from all of them; they make one block. `coverage` counts.

window    start  sentence end  sentence end ...     every sentence from its own tokens and the end token behind it
sentence  start  sentence end  before end after end likewise, one passage for each sentence; neighbours are cut
article   start  sentence end  sentence end ...     one row from all tokens and the start token of the first passage
With a claim each passage begins with it: start  claim end ..., the first text of a pair. It is cut where it would
take more than half of the passage. With `evidence` the article is then judged on what fits into one passage: its first
sentence, and those that bear most on the claim, in the order of the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from research.config import Encoded
from research.models.encoder.tokens import Tokens
from research.models.evidence import reading_order
from research.records import Article, Example, Task

Ids = list[int]


@dataclass(frozen=True, slots=True)
class Passage:
    """One pass: token ids, how many of them are the first text of a pair (0: there is no pair), and how many tokens of
    the neighbours found no room."""

    ids: Ids
    first: int = 0
    cut: int = 0


@dataclass(slots=True)
class Block:
    """Passages that have to be in one batch. `rows` are numbers among all rows of the examples; `tokens` holds
    (place in rows, passage, start, end), half-open; `anchors` holds (passage, position), one per row."""

    rows: list[int] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    tokens: list[tuple[int, int, int, int]] = field(default_factory=list)
    anchors: list[tuple[int, int]] = field(default_factory=list)

    @property
    def width(self) -> int:
        return max(len(p.ids) for p in self.passages)


@dataclass(frozen=True, slots=True)
class Piece:
    """Tokens that are read together: a sentence, or a part of one too long for a passage. `row` is None where it is
    only context."""

    ids: Ids
    row: int | None


class Passages:
    """Cuts examples of one task into blocks of at most `config.max_tokens` tokens a passage."""

    def __init__(self, config: Encoded, task: Task, tokens: Tokens) -> None:
        self._context, self._task, self._tokens = config.context_tokens, task, tokens
        self._longest = min(config.max_tokens, tokens.special.positions)
        self._paired = config.input == "sentence" and task.unit == "sentence"
        self._evidence = config.evidence and task.pair

    def read(self, examples: Sequence[Example]) -> list[Reading]:
        """The tokens of each example, read once; `blocks` cuts them as often as wanted."""
        readings, first = [], 0
        kept: dict[str, Ids] = {}  # by text: an article is tokenized once, however many claims it is read for
        for example in examples:
            article = example.article
            bodies = [s.text for s in article.sentences] or [article.text]
            texts = [*_titles(article), *bodies]
            claimed = [example.claim.claim] if example.claim else []
            new = [text for text in (*texts, *claimed) if text not in kept]
            kept |= dict(zip(new, self._tokens(new), strict=True))
            whole = self._task.unit != "sentence"
            place = {} if whole else {span: first + i for i, span in enumerate(example.spans)}
            spans = [None] * (len(texts) - len(article.sentences)) + [s.span for s in article.sentences]
            rows = [first if whole else place.get(span) if span else None for span in spans]
            claim = kept[claimed[0]] if claimed else []
            pieces = [Piece(kept[text], row) for text, row in zip(texts, rows, strict=True)]
            shown = claim[: self._longest // 2 - 2]
            unread = 0
            if self._evidence and example.claim:
                room = self._longest - len(shown) - 2
                ahead = len(texts) - len(bodies)  # a title
                order = [*range(ahead), *(ahead + i for i in reading_order(article, example.claim.claim))]
                chosen = _fitting([len(piece.ids) + 1 for piece in pieces], order, room)
                unread = sum(len(piece.ids) for i, piece in enumerate(pieces) if i not in chosen)
                pieces = [piece for i, piece in enumerate(pieces) if i in chosen]
            readings.append(Reading(pieces, shown, whole, len(claim), unread))
            first += len(example.spans)
        return readings

    def blocks(self, readings: Sequence[Reading], first_size: Callable[[int, int], int] | None = None) -> list[Block]:
        """Every row in exactly one block. For training `first_size(low, high)` draws how long an article's first
        window is, so that each pass over the data cuts articles at other places, and windows do not overlap."""
        cut = self._pairs if self._paired else self._windows
        return [block for reading in readings for block in cut(reading, first_size)]

    def coverage(self, readings: Sequence[Reading], blocks: Sequence[Block]) -> dict[str, int]:
        """What the blocks show of the texts. tokens_dropped: those of a claim or of what is judged that no row is
        judged from, of which there should be none. context_cut: those of neighbours that a text pair has no room for,
        once for each sentence. tokens_unread: those of sentences that evidence was chosen instead of. windows:
        passages."""
        pieces = [piece for reading in readings for piece in reading.pieces]
        own = sum(max(len(piece.ids), 1) for piece in pieces if piece.row is not None)  # an empty one: its end token
        used = sum(end - start for block in blocks for _, _, start, end in block.tokens)
        passages = [passage for block in blocks for passage in block.passages]
        return {
            "tokens_read": sum(len(piece.ids) for piece in pieces) + sum(r.claim_size for r in readings),
            "tokens_dropped": own - used + sum(r.claim_size - len(r.claim) for r in readings),
            "context_cut": sum(passage.cut for passage in passages),
            "tokens_unread": sum(reading.unread for reading in readings),
            "windows": len(passages),
        }

    def _windows(self, reading: Reading, draw: Callable[[int, int], int] | None) -> Iterator[Block]:
        special = self._tokens.special
        head = [special.start, *([*reading.claim, special.end] if reading.claim else [])]
        room = self._longest - len(head)
        pieces = [part for piece in reading.pieces for part in _parts(piece, room - 1)]
        lengths = [len(piece.ids) + 1 for piece in pieces]
        context = 0 if reading.whole or draw else self._context
        size = draw(room // 2, room) if draw and sum(lengths) > room else room
        block = Block()
        for begin, core, stop in windows(lengths, room, min(context, room // 3), size):
            ids = list(head)
            for i in range(begin, stop):
                row, start = pieces[i].row, len(ids)
                ids += [*pieces[i].ids, special.end]
                if row is not None and core <= i:
                    anchor = 0 if reading.whole else len(ids) - 1
                    _judge(block, row, len(block.passages), start, max(len(ids) - 1, start + 1), anchor)
            block.passages.append(Passage(ids, len(head) if reading.claim else 0))
            split = stop < len(pieces) and pieces[stop].row == pieces[stop - 1].row is not None
            if not split:
                if block.rows:
                    yield block
                block = Block()

    def _pairs(self, reading: Reading, _: object) -> Iterator[Block]:
        special = self._tokens.special
        for i, piece in enumerate(reading.pieces):
            if piece.row is None:
                continue
            block = Block()
            for part in _parts(piece, self._longest - 3):
                ids = [special.start, *part.ids, special.end]
                room = self._longest - len(ids) - 1
                before = reading.pieces[i - 1].ids if i else []
                after = reading.pieces[i + 1].ids if i + 1 < len(reading.pieces) else []
                first = len(ids)
                wanted = len(before) + len(after)
                half = max(room // 2, room - len(after) - 1)  # what one neighbour leaves free, the other one takes
                before = before[max(0, len(before) - half) :]
                after = after[: max(0, room - len(before) - 1)]
                ids += [*before, special.end, *after, special.end][: room + 1]
                end = first - 1
                _judge(block, piece.row, len(block.passages), 1, max(end, 2), end)
                block.passages.append(Passage(ids, first, wanted - len(before) - len(after)))
            yield block


@dataclass(frozen=True, slots=True)
class Reading:
    """An example as tokens: its pieces in order, those of the claim (often none) as far as there is room, whether all
    pieces are one row, how many tokens the whole claim has, and how many of the article are not read."""

    pieces: list[Piece]
    claim: Ids
    whole: bool
    claim_size: int
    unread: int = 0


def windows(
    lengths: Sequence[int], room: int, context: int, first: int | None = None
) -> Iterator[tuple[int, int, int]]:
    """Consecutive pieces of these lengths as windows (begin, core, stop) of at most `room` tokens; those from `core` on
    are judged.

    The cores follow each other without gap or overlap. Where two windows meet, the second one begins with what whole
    pieces of the first fit into `context` tokens; at least one, where that takes no more than a third of the room.
    Context behind would cost as much and was worth nothing (experiment 005). The first window holds at most `first`
    tokens. No piece may be longer than the room.
    """
    n, core = len(lengths), 0
    size = room if first is None else first
    nearest = max(context, room // 3) if context else 0
    while core < n:
        begin, used = core, 0
        while begin > 0 and used + lengths[begin - 1] <= (context if used else nearest):
            begin -= 1
            used += lengths[begin]
        stop = core
        while stop < n and (stop == core or used + lengths[stop] <= size):
            used += lengths[stop]
            stop += 1
        while used > room and begin < core:  # one long piece and its context: the piece comes first
            used -= lengths[begin]
            begin += 1
        yield begin, core, stop
        core, size = stop, room


def _fitting(lengths: Sequence[int], order: Sequence[int], room: int) -> set[int]:
    """The pieces that fit into `room` tokens, asked in this order; the first one in any case."""
    chosen: set[int] = set()
    for i in order:
        if i not in chosen and (not chosen or lengths[i] <= room):
            chosen.add(i)
            room -= lengths[i]
    return chosen


def _judge(block: Block, row: int, passage: int, start: int, end: int, anchor: int) -> None:
    if not block.rows or block.rows[-1] != row:
        block.rows.append(row)
        block.anchors.append((passage, anchor))
    block.tokens.append((len(block.rows) - 1, passage, start, end))


def _parts(piece: Piece, room: int) -> list[Piece]:
    """The piece, cut where it is longer than a passage."""
    if len(piece.ids) <= room:
        return [piece]
    return [Piece(piece.ids[i : i + room], piece.row) for i in range(0, len(piece.ids), room)]


def _titles(article: Article) -> list[str]:
    """A title that the text does not begin with: context for what follows."""
    first = article.sentences[0].text if article.sentences else article.text
    return [article.title] if article.title and not first.startswith(article.title) else []
