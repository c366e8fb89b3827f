"""Compare sentence segmenters: `python tests/bench_segmenters.py [GOLD.jsonl]`.

For each library that is installed: hand-made cases fully right (tests/data/segmentation.jsonl), boundary F1 over these
cases and, with a gold file in the article JSONL form, over its articles; sentences per second on what was read.
Candidates get the text line by line, so that all see the same paragraphs; `research` is our own `sentence_spans`.
Boundary F1 counts the starts of sentences, the first of each text left out.
"""

import json
import re
import sys
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from research.articles import sentence_spans

Spans = list[tuple[int, int]]
CASES = Path(__file__).parent / "data" / "segmentation.jsonl"


def load_pysbd() -> Callable[[str], Spans]:
    warnings.simplefilter("ignore")  # its regular expressions carry invalid escapes
    import pysbd

    segmenter = pysbd.Segmenter(language="en", clean=False, char_span=True)
    return lambda text: [(span.start, span.end) for span in segmenter.segment(text)]


def load_nupunkt() -> Callable[[str], Spans]:
    import nupunkt

    return nupunkt.sent_spans


def load_sentencex() -> Callable[[str], Spans]:
    import sentencex

    return lambda text: [(b["start_index"], b["end_index"]) for b in sentencex.get_sentence_boundaries("en", text)]


def load_syntok() -> Callable[[str], Spans]:
    import syntok.segmenter

    def cut(text: str) -> Spans:
        sentences = [s for paragraph in syntok.segmenter.analyze(text) for s in paragraph if s]
        return [(s[0].offset, s[-1].offset + len(s[-1].value)) for s in sentences]

    return cut


def load_blingfire() -> Callable[[str], Spans]:
    import blingfire

    return lambda text: blingfire.text_to_sentences_and_offsets(text)[1]


CANDIDATES = {
    "blingfire": load_blingfire,
    "nupunkt": load_nupunkt,
    "pysbd": load_pysbd,
    "sentencex": load_sentencex,
    "syntok": load_syntok,
}


def cut_lines(cut: Callable[[str], Spans], text: str) -> Spans:
    spans = []
    for line in re.finditer(r"[^\n]+", text):
        for start, end in cut(line[0]):
            piece = line[0][start:end]
            if piece.strip():
                begin = line.start() + start
                spans.append((begin + len(piece) - len(piece.lstrip()), begin + len(piece.rstrip())))
    return spans


def score(cut: Callable[[str], Spans], texts: list[tuple[str, Spans]]) -> tuple[int, float, float]:
    """Texts fully right, boundary F1 in percent, sentences per second."""
    right = both = found_only = gold_only = sentences = 0
    began = time.perf_counter()
    results = [cut(text) for text, _ in texts]
    seconds = time.perf_counter() - began
    for (_, gold), found in zip(texts, results, strict=True):
        sentences += len(found)
        right += found == gold
        # Gold lists may cover only part of a text: only boundaries inside that part are judged.
        wanted = {start for start, _ in gold[1:]}
        given = {start for start, _ in found if gold[0][0] < start < gold[-1][1]}
        both += len(wanted & given)
        found_only += len(given - wanted)
        gold_only += len(wanted - given)
    return right, 200 * both / (2 * both + found_only + gold_only), sentences / seconds


def read_cases() -> list[tuple[str, Spans]]:
    cases = []
    for line in CASES.read_text(encoding="utf-8").splitlines():
        case, spans, position = json.loads(line), [], 0
        for sentence in case["sentences"]:
            position = case["text"].index(sentence, position)
            spans.append((position, position + len(sentence)))
            position += len(sentence)
        cases.append((case["text"], spans))
    return cases


def read_gold(path: Path) -> list[tuple[str, Spans]]:
    articles = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [(a["text"], [(s["start"], s["end"]) for s in a["sentences"]]) for a in articles if a["sentences"]]


def main() -> None:
    cases = read_cases()
    gold = read_gold(Path(sys.argv[1])) if len(sys.argv) > 1 else []
    print(f"{'segmenter':<12}{'cases right':>14}{'F1 cases':>10}{'F1 gold':>9}{'sentences/s':>13}")
    for name in ["research", *CANDIDATES]:
        if name == "research":
            cut = sentence_spans
        elif find_spec(name) is None:
            print(f"{name:<12}  not installed")
            continue
        else:
            raw = CANDIDATES[name]()
            cut = lambda text, raw=raw: cut_lines(raw, text)  # noqa: E731
        right, f1, speed = score(cut, cases)
        gold_f1 = "-"
        if gold:
            _, value, speed = score(cut, gold)
            gold_f1 = f"{value:.2f}"
        print(f"{name:<12}{f'{right} of {len(cases)}':>14}{f1:>10.2f}{gold_f1:>9}{speed:>13,.0f}", flush=True)


if __name__ == "__main__":
    main()
