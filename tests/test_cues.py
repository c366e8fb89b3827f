"""The cue room: minimal sentences written for it, with invented names; each case cites its rule."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter

import pytest

from research.cues.features import FAMILIES, cue_features
from research.cues.lexicon import inflect, load_lexicon
from research.cues.matches import find_cues
from research.cues.rules import RULES, explain, label_primary, label_sentences
from research.records import Article, Sentence

OFFICIAL, SPECULATION, DENIAL = "official_statement", "speculation", "denial"


def make_article(*texts: str, between: str = "\n") -> Article:
    sentences, at = [], 0
    for text in texts:
        sentences.append(Sentence(at, at + len(text), text))
        at += len(text) + len(between)
    return Article("a1", between.join(texts), sentences=tuple(sentences))


def last_labels(*texts: str) -> set[str]:
    return set(label_sentences(make_article(*texts))[-1])


CASES = [
    ("os-said", ["The defence ministry said on Monday that two bridges had been closed."]),
    ("os-said", ["Two bridges have been closed, police in Lenk said."]),
    ("os-said", ["The port is open again, according to the mayor of Dorvale."]),
    ("os-said", ["Dorvale port is open again - city council"]),
    ("os-organisation", ["The airline said in a statement that the flight had turned back."]),
    ("os-organisation", ['"The plant is safe," said Mara Lisk, chief executive of Voltane Inc.']),
    ("os-armed-group", ["The rebels announced that they had left the town."]),
    ("os-armed-group", ["Militants claimed the attack in a post on their channel."]),
    ("os-candidate", ["The party's candidate, Ilo Brandt, promised to cut taxes."]),
    ("os-candidate", ["The Brandt campaign announced a tour of the north."]),
    ("os-country", ["Moscow said the talks would go on."]),
    ("os-country", ["The treaty holds, Brussels insisted on Friday."]),
    (
        "os-name",
        ["The president met ministers and lawmakers of the government.", "Kowalt said the army was ready."],
    ),
    ("os-name", ["Senators debate the bill in parliament.", "Brandt told the chamber that the bill was late."]),
    ("os-carry", ["Interior Minister Jan Kowalt said the road was open.", "He added that buses were running."]),
    ("os-carry", ["The army said it had left the hill.", "The statement added that nobody was hurt."]),
    ("os-carry", ['"We left the hill," the general said.', '"Nobody was hurt."']),
    ("os-embedded", ["The foreign ministry condemned the shelling of the port."]),
    ("os-embedded", ["The president demanded an inquiry into the fire."]),
    ("sp-hedge", ["The ship was reportedly on its way to Lenk."]),
    ("sp-hedge", ["The fire is believed to have begun in the cellar."]),
    ("sp-modal", ["The blast may have been caused by gas."]),
    ("sp-modal", ["The strike could trigger a wider conflict."]),
    ("sp-appears", ["The crater appears to be older than the town."]),
    ("sp-appears", ["It seems the letter was never sent."]),
    ("sp-anonymous", ["A source in the ministry said the minister would resign."]),
    ("sp-anonymous", ["The deal is done, two people familiar with the matter told the paper."]),
    ("sp-hearsay", ["Reports say a drone fell on the village."]),
    ("sp-hearsay", ["According to unconfirmed reports the mine has been flooded."]),
    ("sp-alleged", ["The alleged theft took place in May."]),
    ("sp-alleged", ["A letter alleging fraud was sent to the paper."]),
    ("de-said", ["The singer denied that she had left the band."]),
    ("de-said", ["The company has denied the allegations."]),
    ("de-rejected", ["Kowalt dismissed the reports as gossip."]),
    ("de-rejected", ["The club rejected claims that it was for sale."]),
    ("de-false", ['"This story is not true," her sister wrote.']),
    ("de-false", ["The bank had nothing to do with the theft, its lawyer said."]),
    ("de-alive", ["A hoax about the actor went viral.", "The actor is alive and well."]),
    ("de-alive", ["The report is false.", "The actor is not dead."]),
    ("de-negated", ["The club denied the rumours.", "A spokesman said claims of a sale were not in order."]),
    ("de-negated", ["The mayor denied the report.", "The police said they did not support the claim."]),
    ("de-never", ["The club denied the report.", "There is no evidence for the fake letter."]),
    ("de-never", ["The mayor denied the claims.", "We never received the alleged money."]),
    ("not-os-silence", ["The ministry has not commented on the report."]),
    ("not-os-silence", ["The airline declined to comment."]),
    ("not-de-access", ["The reporter was denied entry to the court."]),
    ("not-de-access", ["The agency would neither confirm nor deny the arrest."]),
    ("not-de-decision", ["Parliament rejected the bill."]),
    ("not-de-decision", ["The governor rejected the request."]),
    ("not-furniture", ["View news."]),
    ("not-furniture", ["Photo: Lenk Agency"]),
]


@pytest.mark.parametrize(("rule", "texts"), CASES)
def test_a_rule_fires_on_its_own_examples(rule: str, texts: list[str]) -> None:
    fired = explain(make_article(*texts))[-1]
    assert rule in fired
    label = next(r.label for r in RULES if r.name == rule)
    if not rule.startswith("not-"):
        assert label in last_labels(*texts)


def test_every_rule_has_two_cases() -> None:
    counted = Counter(rule for rule, _ in CASES)
    assert {rule.name for rule in RULES if counted[rule.name] < 2} == set()


@pytest.mark.parametrize(
    ("label", "texts"),
    [
        (OFFICIAL, ["Police opened an inquiry into the fire."]),  # an act alone
        (OFFICIAL, ["The expert said the crater was old."]),
        (OFFICIAL, ["Residents said the windows shook."]),
        (OFFICIAL, ["The newspaper reported that the mine had closed."]),
        (OFFICIAL, ["A source in the ministry said the minister would resign."]),
        (OFFICIAL, ["The ministry has not commented on the report."]),
        (OFFICIAL, ["An analyst at the institute said so.", "She added that prices would fall."]),
        (SPECULATION, ["A suspected drone was found in a field."]),
        (SPECULATION, ["The two presidents will meet in Lenk on Friday."]),
        (SPECULATION, ["The boat could carry 50 people."]),
        (SPECULATION, ["The port was closed in May 2019."]),
        (DENIAL, ["No damage was reported."]),
        (DENIAL, ["There is no official confirmation of the landing."]),
        (DENIAL, ["The ministry declined to comment."]),
        (DENIAL, ["The ministry condemned the attack."]),
        (DENIAL, ["Parliament rejected the bill."]),
        (DENIAL, ["The family was denied a visa."]),
    ],
)
def test_what_the_codebook_excludes_is_not_labelled(label: str, texts: list[str]) -> None:
    assert label not in last_labels(*texts)


def test_a_denial_by_an_official_bears_both_labels() -> None:
    assert last_labels("The foreign minister denied that troops had crossed the border.") == {OFFICIAL, DENIAL}


def test_an_official_who_speculates_bears_both_labels() -> None:
    assert last_labels("The mayor said the fire may have been caused by lightning.") == {OFFICIAL, SPECULATION}


def test_a_title_given_early_is_remembered_with_the_name() -> None:
    texts = [
        "Jan Kowalt, a spokesman for the ministry, met the press.",
        "The road is closed.",
        "Kowalt said it would open.",
    ]
    assert OFFICIAL in last_labels(*texts)


def test_primary_follows_the_headline_and_prefers_denial() -> None:
    assert label_primary(make_article("Ministry denies troops crossed border", "The ministry said so.")) == DENIAL
    assert label_primary(make_article("Two trains collide near Lenk", "The trains met at noon.")) == "background"
    assert label_primary(make_article()) == "background"


def test_features_are_one_row_a_sentence_with_stable_names() -> None:
    article = make_article(
        "Mayor: bridge is safe", '"It may have cracks," he said.', "Rumours were denied.", "?!", "And so on."
    )
    rows = cue_features(article)
    assert len(rows) == len(article.sentences)
    assert rows == cue_features(article)
    assert {name.split(":")[0] for row in rows for name in row} <= FAMILIES.keys()
    assert all(0 < value <= 1 for row in rows for value in row.values())


def test_an_article_without_sentences_has_no_rows() -> None:
    assert cue_features(make_article()) == []
    assert label_sentences(make_article()) == []


def test_cues_carry_offsets_into_the_text() -> None:
    text = "The ministry’s spokesman said it wasn’t true."
    found = {(c.group, text[c.start : c.end]) for c in find_cues(text)}
    assert {("spokes", "spokesman"), ("speech", "said"), ("false_claim", "n’t true")} <= found


def test_verbs_are_inflected() -> None:
    assert inflect("deny") == ["deny", "denies", "denied", "denying"]
    assert inflect("write/wrote/written") == ["write", "writes", "wrote", "written", "writing"]


def test_the_lexicon_is_read_once_and_quickly() -> None:
    load_lexicon.cache_clear()
    start = time.perf_counter()
    first = load_lexicon()
    assert time.perf_counter() - start < 2.0
    assert load_lexicon() is first


TIES = """Analyst Mira Voss wrote the paper, and resident Mira Voss was awake.

Witness Ines Harl met activist Ines Harl. Professor Wim Odel met driver Wim Odel. Voss said so. Harl said so too.

Odel told reporters it was late. "It was," said Voss."""


def test_features_do_not_depend_on_the_hash_seed() -> None:
    """One seed must repeat a run in another process, where sets come in another order."""
    code = (
        "import sys; from research.articles import segment; from research.cues import cue_features; "
        "from research.records import Article; print(cue_features(segment(Article('a', sys.argv[1]))))"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code, TIES],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(4)
    }
    assert len(seen) == 1
