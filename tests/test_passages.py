"""Passages: every token of every row is read, none twice, and no passage is longer than the encoder reads."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.config import Transformer
from research.models.encoder.batches import by_length, collate, pooled
from research.models.encoder.passages import Block, Passages, windows
from research.models.encoder.tokens import Special, Tokens
from research.records import TASKS, Article, Claim, Example, Sentence

START, END, PAD, FIRST = 0, 1, 2, 3  # word n is token FIRST + n
SPECIAL = Special(start=START, end=END, pad=PAD, types=True, positions=512)
LENGTHS = st.lists(st.integers(0, 70), min_size=1, max_size=20)


def example(lengths: Sequence[int], claim: int = 0, first: int = 0) -> Example:
    """An article whose words are numbers from `first` on, in sentences of these lengths, and a claim of so many."""
    text, sentences = "", []
    for size in lengths:
        sentence = " ".join(str(first + i) for i in range(size)) or "\u200b"  # no token at all
        sentences.append(Sentence(len(text), len(text) + len(sentence), sentence))
        text += sentence + " "
        first += size
    article = Article("a", text, sentences=tuple(sentences))
    words = " ".join(str(first + i) for i in range(claim))
    return Example(article, tuple(s.span for s in sentences), claim=Claim("c", words) if claim else None)


def whole(lengths: Sequence[int], claim: int = 0) -> Example:
    found = example(lengths, claim)
    return Example(found.article, ((0, len(found.article.text)),), claim=found.claim)


@cache
def tokens() -> Tokens:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.normalizers import Replace
    from tokenizers.pre_tokenizers import WhitespaceSplit

    tokenizer = Tokenizer(WordLevel({str(i): FIRST + i for i in range(3000)}, unk_token="0"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = Replace("\u200b", ""), WhitespaceSplit()
    return Tokens(tokenizer, SPECIAL)


def passages(task: str = "attribution", **keys: object) -> Passages:
    return Passages(Transformer.model_validate(keys), TASKS[task], tokens())


def judged(blocks: Sequence[Block]) -> dict[int, list[int]]:
    """The token ids that speak for each row, in order."""
    found: dict[int, list[int]] = {}
    for block in blocks:
        for place, number, start, end in block.tokens:
            found.setdefault(block.rows[place], []).extend(block.passages[number].ids[start:end])
    return found


# --- windows: no tokenizer ------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 40), max_size=40), st.integers(40, 90), st.integers(0, 30), st.data())
def test_cores_follow_each_other_and_windows_fit(
    lengths: list[int], room: int, context: int, data: st.DataObject
) -> None:
    first = data.draw(st.none() | st.integers(1, room))
    found = list(windows(lengths, room, context, first))
    assert [i for _, core, stop in found for i in range(core, stop)] == list(range(len(lengths)))
    for begin, core, stop in found:
        assert begin <= core < stop
        assert sum(lengths[begin:stop]) <= room


@given(st.lists(st.integers(1, 10), min_size=1, max_size=60), st.integers(0, 15))
def test_short_pieces_have_what_stands_before_them(lengths: list[int], context: int) -> None:
    for begin, core, _ in windows(lengths, 60, context):
        assert begin == 0 or sum(lengths[begin - 1 : core]) > context
        assert not context or core == 0 or begin < core


def test_a_neighbour_longer_than_the_context_is_shown_where_it_leaves_room() -> None:
    assert list(windows([20, 20, 20, 20, 20], room=60, context=8)) == [(0, 0, 3), (2, 3, 5)]
    assert list(windows([30, 30, 30], room=60, context=8)) == [(0, 0, 2), (2, 2, 3)]


# --- passages -------------------------------------------------------------------------------------------------

reads = pytest.mark.transformers


@reads
@pytest.mark.parametrize("reading", ["window", "sentence"])
@pytest.mark.parametrize("training", [False, True])
@settings(max_examples=60)
@given(LENGTHS, LENGTHS, st.integers(16, 60), st.integers(0, 100))
def test_every_row_is_judged_from_all_its_tokens(
    reading: str, training: bool, one: list[int], two: list[int], longest: int, seed: int
) -> None:
    reader = passages(input=reading, max_tokens=longest, context_tokens=longest // 4)
    both = [example(one), example(two, first=sum(one))]
    rng = np.random.default_rng(seed)
    readings = reader.read(both)
    blocks = reader.blocks(readings, (lambda low, high: int(rng.integers(low, high + 1))) if training else None)
    assert [row for block in blocks for row in block.rows] == list(range(len(one) + len(two)))
    words = iter(range(FIRST, 3000))
    expected = {row: [next(words) for _ in range(size)] or [END] for row, size in enumerate([*one, *two])}
    assert judged(blocks) == expected
    for block in blocks:
        assert block.width <= longest
        assert all(p.ids[0] == START and p.ids[-1] == END for p in block.passages)
        assert all(block.passages[number].ids[at] == END for number, at in block.anchors)
    counted = reader.coverage(readings, blocks)
    assert (counted["tokens_read"], counted["tokens_dropped"]) == (sum(one) + sum(two), 0)
    assert counted["windows"] == sum(len(b.passages) for b in blocks)


@reads
def test_a_sentence_longer_than_a_passage_is_one_row_in_one_block() -> None:
    reader = passages(max_tokens=32, context_tokens=8)
    blocks = reader.blocks(reader.read([example([5, 100, 5])]))
    (block,) = (b for b in blocks if 1 in b.rows)
    assert len(block.passages) >= 4 and len(block.anchors) == len(block.rows)


@reads
def test_sentence_mode_frames_the_sentence_and_cuts_only_its_neighbours() -> None:
    reader = passages(input="sentence", max_tokens=16, context_tokens=4)
    readings = reader.read([example([9, 4, 3])])
    blocks = reader.blocks(readings)
    (middle,) = blocks[1].passages
    a, b, c = list(range(3, 12)), list(range(12, 16)), list(range(16, 19))
    assert middle.ids == [START, *b, END, *a[-5:], END, *c, END] and middle.first == 6
    (first,) = blocks[0].passages
    assert first.ids == [START, *a, END, END, *b[:3], END]
    assert reader.coverage(readings, blocks)["context_cut"] == 1 + 4 + 0
    types = collate([blocks[1]], SPECIAL).types
    assert types.tolist() == [[0] * 6 + [1] * 10]


@reads
@pytest.mark.parametrize("claim", [0, 3, 50])
def test_an_article_is_one_row_and_each_passage_begins_with_the_claim(claim: int) -> None:
    reader = passages("stance" if claim else "primary", max_tokens=16, context_tokens=4, evidence=False)
    readings = reader.read([whole([30, 0, 4], claim), whole([3])])
    blocks = reader.blocks(readings)
    assert [block.rows for block in blocks] == [[0], [1]]
    assert judged(blocks)[0] == [*range(FIRST, FIRST + 30), END, *range(FIRST + 30, FIRST + 34)]
    assert blocks[0].anchors == [(0, 0)] and blocks[0].width <= 16
    shown = list(range(FIRST + 34, FIRST + 34 + min(claim, 6)))
    for passage in blocks[0].passages:
        assert passage.first == (len(shown) + 2 if claim else 0)
        assert passage.ids[: len(shown) + 2] == [START, *shown, END] or not claim
    assert reader.coverage(readings, blocks)["tokens_dropped"] == claim - len(shown)


@reads
def test_evidence_is_one_passage_of_the_sentences_that_bear_on_the_claim() -> None:
    reader = passages("stance", max_tokens=16, context_tokens=4)
    found = whole([3, 4, 4, 3])  # words 0 to 13
    asked = Example(found.article, found.spans, claim=Claim("c", "8 9 2000"))
    readings = reader.read([asked])
    (block,) = reader.blocks(readings)
    (passage,) = block.passages
    # the first sentence, then 7 to 10, which holds words of the claim; no room is left for 4, but for 3
    shown = [START, FIRST + 8, FIRST + 9, FIRST + 2000, END, *_words(0, 3), END, *_words(7, 11), END]
    assert passage.ids == shown and passage.first == 5
    counts = reader.coverage(readings, [block])
    assert (counts["tokens_unread"], counts["tokens_dropped"], counts["tokens_read"]) == (7, 0, 10)


def _words(start: int, end: int) -> range:
    return range(FIRST + start, FIRST + end)


@reads
def test_a_title_is_context_unless_the_text_begins_with_it() -> None:
    found = example([3, 3])
    for title, pieces in (("900 901", 3), ("0 1", 2)):
        titled = Article("a", found.article.text, title=title, sentences=found.article.sentences)
        (reading,) = passages().read([Example(titled, found.spans)])
        assert len(reading.pieces) == pieces
        assert [piece.row for piece in reading.pieces][-2:] == [0, 1]


@reads
def test_an_article_without_sentences_is_read_beside_its_title() -> None:
    article = Article("a", "1 2 3", title="900")
    reader = passages("primary")
    blocks = reader.blocks(reader.read([Example(article, ((0, 5),))]))
    assert blocks[0].passages[0].ids == [START, FIRST + 900, END, FIRST + 1, FIRST + 2, FIRST + 3, END]


@reads
def test_training_cuts_elsewhere_each_time_and_never_reads_twice() -> None:
    reader = passages(max_tokens=64, context_tokens=16)
    readings = reader.read([example([7] * 40)])
    seen = set()
    for seed in range(5):
        rng = np.random.default_rng(seed)
        blocks = reader.blocks(readings, lambda low, high, rng=rng: int(rng.integers(low, high + 1)))
        assert sum(len(p.ids) - 1 for b in blocks for p in b.passages) == 40 * 8
        seen.add(tuple(len(b.rows) for b in blocks))
    assert len(seen) > 1
    assert len(reader.blocks(readings)) > len(blocks)  # to predict, windows overlap


# --- batches --------------------------------------------------------------------------------------------------


@reads
@settings(max_examples=30)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=60), st.integers(16, 300), st.booleans())
def test_batches_lose_nothing_and_keep_their_size(lengths: list[int], most: int, training: bool) -> None:
    reader = passages(input="sentence", max_tokens=40, context_tokens=8)
    blocks = reader.blocks(reader.read([example(lengths)]))
    batches = by_length(blocks, most, np.random.default_rng(0) if training else None)
    assert sorted(row for batch in batches for block in batch for row in block.rows) == list(range(len(lengths)))
    for batch in batches:
        found = collate(batch, SPECIAL)
        assert found.ids.size <= most or len(batch) == 1
        assert np.array_equal(found.ids != PAD, found.mask == 1)
        assert (np.diff(found.segment) >= 0).all() and set(found.segment) == set(range(len(found.rows)))


@reads
def test_pooled_is_the_mean_of_the_own_tokens_and_the_anchor() -> None:
    reader = passages(max_tokens=16, context_tokens=0)
    blocks = reader.blocks(reader.read([example([2, 30, 1])]))
    batch = collate(blocks, SPECIAL)
    hidden = np.stack([batch.ids, -batch.ids], axis=2).astype(np.float32)  # the state of a token is its id
    found = pooled(hidden, batch)[np.argsort(batch.rows)]
    means = [np.mean([3, 4]), np.mean(np.arange(5, 35)), 35]
    assert np.allclose(found, [[m, -m, END, -END] for m in means])
