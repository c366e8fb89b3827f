"""Sentences: the hand-made cases, the guarantee on offsets, and what `segment` keeps."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from research.articles import find_headline, segment, sentence_spans
from research.records import Article, Sentence

CASES = [json.loads(line) for line in (Path(__file__).parent / "data" / "segmentation.jsonl").open(encoding="utf-8")]
# What the segmenter is known to get wrong; a case that starts to work must leave this list.
KNOWN_MISSES = {"plan B", "company name with an exclamation mark"}
# Text made of what decides a cut, so that the property is tested where it could break.
NEWS_LIKE = st.lists(
    st.sampled_from(
        [*" \n\t\r\u00a0\u2028.\"“”‘’'()[]?!…,;:-•", "\r\n", "\n\n", "Mr.", "U.S.", "said", "He", "1.", "x@y.z"]
    )
    | st.text(max_size=3)
).map("".join)


@pytest.mark.parametrize("case", CASES, ids=[case["about"] for case in CASES])
def test_sentences_of_the_hand_made_cases(case: dict) -> None:
    found = [case["text"][start:end] for start, end in sentence_spans(case["text"])]
    assert (found == case["sentences"]) == (case["about"] not in KNOWN_MISSES), found


@settings(max_examples=400)
@given(NEWS_LIKE)
def test_spans_are_ordered_stripped_and_cover_the_text(text: str) -> None:
    position = 0
    for start, end in sentence_spans(text):
        assert position <= start < end
        assert not text[position:start].strip()
        assert text[start:end] == text[start:end].strip()
        position = end
    assert not text[position:].strip()


def test_lone_surrogates_do_not_stop_it() -> None:
    assert sentence_spans("a \ud800 b") == [(0, 5)]


def test_long_line_takes_time_in_proportion() -> None:
    text = 'Gen. Osk left."Why?" asked Fenn. (Nobody knew.) ' * 20_000  # one line of 0.9 million characters
    began = time.perf_counter()
    assert len(sentence_spans(text)) >= 60_000
    assert time.perf_counter() - began < 20


def test_segment_fills_sentences_with_their_text() -> None:
    article = segment(Article("a", "Police denied it. They left."))
    assert [s.text for s in article.sentences] == ["Police denied it.", "They left."]
    assert all(s.labels is None for s in article.sentences)


def test_segment_keeps_given_sentences() -> None:
    article = Article("a", "One. Two.", sentences=(Sentence(0, 9, "One. Two."),))
    assert segment(article) is article


@pytest.mark.parametrize(
    ("text", "headline"),
    [
        ("Arrel police deny shooting\n\nThey blamed a gang.", "Arrel police deny shooting"),
        (" Was it sabotage?\r\nThe navy kept silent.", "Was it sabotage?"),
        ("They denied it.\n\nA judge will decide.", None),
        ("He said: “We denied it.”\n\nA judge will decide.", None),
        ("Arrel police deny shooting", None),
        ("word " * 50 + "\n\nText.", None),
        ("The ministry of transport of Arrel said on Monday that\n"
         "the bridge would stay shut until the inquiry into the\nfall of its arch was over.\n\nNobody was hurt.", None),
        ("", None),
    ],
)  # fmt: skip
def test_headline(text: str, headline: str | None) -> None:
    assert find_headline(text) == headline
