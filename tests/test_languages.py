"""Which language a text is in: English is never taken for another one, and others are found when they are plain."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from research.articles.languages import READ, language_of
from research.config import Shipped
from research.datasets import load_dataset

ROWS = (Path(__file__).parent / "data" / "languages.jsonl").read_text(encoding="utf-8").splitlines()
OTHERS = [(row["language"], row["text"]) for row in map(json.loads, ROWS)]
ENGLISH = (
    "The defence ministry in Ferrow said on Tuesday that none of its aircraft had been in the air that night. "
    "Villagers in Calder Heath, a mile from the river, said they had heard a low buzzing shortly before midnight. "
)


@pytest.fixture(scope="module")
def shipped() -> list[str]:
    data = load_dataset(Shipped())
    return [article.text for split in data.splits for article in data.articles(split)]


def test_other_languages_are_found() -> None:
    assert len({language for language, _ in OTHERS}) >= 20
    found = [(language, language_of(text)) for language, text in OTHERS]
    assert [pair for pair in found if pair[1] not in (pair[0], None)] == []
    assert sum(language == said for language, said in found) >= len(OTHERS) - 1
    shorter = [(language, language_of(text[:80])) for language, text in OTHERS]
    assert [pair for pair in shorter if pair[1] not in (pair[0], None)] == []


def test_english_articles_are_english(shipped: list[str]) -> None:
    assert {language_of(text) for text in shipped} == {"en"}
    assert {language_of(text.upper()) for text in shipped} == {"en"}


def test_english_headlines_and_sentences_are_no_other_language(shipped: list[str]) -> None:
    lines = [line for text in shipped for paragraph in text.split("\n\n") for line in paragraph.split(". ")]
    assert len(lines) > 2000
    assert {language_of(line) for line in lines} == {"en", None}
    assert {language_of(text.split("\n\n")[0].upper()) for text in shipped} == {"en", None}


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "12.4 % 13.5 % 2024",
        "😀 \ud800",
        "Non",
        "@JoTessel @kayro_fans http://chat.example/ZwYEcGvX #Corvane #StreamFest",
        "Marco Bellandi, Jürgen Kötter, Paweł Wolnicki, Kenji Watabe, José Luis Ibarra, Håkon Sørlie",
        "Abu Talim al-Dareni, Abu Bishr al-Kasrawi, Sheikh Mansour al-Tawil",
    ],
)
def test_what_is_no_sentence_has_no_language(text: str) -> None:
    assert language_of(text) is None


def test_english_with_foreign_names_or_a_foreign_quotation_is_no_other_language() -> None:
    names = "Among the wounded were Jürgen Kötter, Paweł Wolnicki, Şebnem Yıldıray and Håkon Sørlie of the Café Müßig."
    assert language_of(names) in ("en", None)
    for language, text in OTHERS:
        assert language_of(ENGLISH * 3 + text[:120]) in ("en", None), language


def test_half_english_is_not_sure() -> None:
    for _, text in OTHERS:
        foreign = (text * 4)[: len(ENGLISH)]
        assert language_of(ENGLISH + foreign) is None
        assert language_of(foreign + "\n" + ENGLISH) is None


def test_the_beginning_decides() -> None:
    language, text = OTHERS[0]
    assert language_of((ENGLISH * 5)[:READ] + text * 20) == "en"
    assert language_of((text * 5)[:READ] + ENGLISH * 20) == language


def test_nothing_is_loaded_before_it_is_needed() -> None:
    code = "import research.articles.languages, sys; print([m for m in ('numpy', 'py3langid') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
