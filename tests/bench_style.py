"""What gives the shipped corpus away as written for it: `python tests/bench_style.py` (needs RESEARCH_DATA).

Prints sentence lengths, type/token ratio and cue rates of the shipped corpus beside those of attribution-gold, and what
a linear classifier that tells the two apart leans on: frequent words and marks, names and figures masked.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_score

from research.config import dataset_config
from research.datasets import load_dataset
from research.records import ATTRIBUTION_LABELS, Article

FREQUENT = 160  # words and marks that count as style
LEAST = 30  # sentences with a feature
SHOWN = 25
VERBS = (
    "said told according added says reported claimed confirmed announced wrote warned denied may might could".split()
)
WORD = re.compile(r"\w+(?:[’'-]\w+)*")
TOKEN = re.compile(r"\w+(?:'\w+)*|[^\w\s]")
NAME = re.compile(r"(?<!^)(?<![.\"“'] )\b[A-Z][\w'-]*(?: [A-Z][\w'-]*)*")
STRAIGHT = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"'})
CORPORA = ("fnc-1", "polnear", "ukraine-news-bias")  # the others are headlines, or have lost their commas


def articles(name: str) -> list[Article]:
    dataset = load_dataset(dataset_config(name))
    return [article for split in dataset.splits for article in dataset.articles(split)]


def judged(some: Sequence[Article]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Text, article and labels of every sentence with gold."""
    return [(s.text, a.article_id, s.labels) for a in some for s in a.sentences if s.labels is not None]


def describe(name: str, some: Sequence[Article]) -> None:
    sentences = judged(some)
    lengths = [len(WORD.findall(text)) for text, _, _ in sentences]
    words = [word.lower() for text, _, _ in sentences for word in WORD.findall(text)]
    chunks = [words[i : i + 1000] for i in range(0, len(words) - 999, 1000)]
    counts = Counter(words)
    print(f"\n{name}: {len(some)} articles, {len(sentences)} sentences, {len(words)} words")
    print("  words per sentence at 5/25/50/75/95 %:", *np.percentile(lengths, [5, 25, 50, 75, 95]).astype(int))
    print(f"  types per 1,000 words: {np.mean([len(set(chunk)) for chunk in chunks]):.0f}")
    print("  per 10,000 words:", ", ".join(f"{v} {1e4 * counts[v] / len(words):.1f}" for v in VERBS))
    shares = {label: np.mean([label in labels for _, _, labels in sentences]) for label in ATTRIBUTION_LABELS}
    print("  shares:", ", ".join(f"{label} {share:.3f}" for label, share in shares.items()))


def masked(text: str) -> list[str]:
    text = re.sub(r"\d[\d.,]*", "0", NAME.sub("NAME", text.translate(STRAIGHT)))
    return TOKEN.findall(text[:1].lower() + text[1:])


def main() -> None:
    ours = articles("shipped")
    real = [a for a in articles("attribution-gold") if a.fields["corpus"] in CORPORA]
    describe("shipped", ours)
    describe(f"attribution-gold ({', '.join(CORPORA)})", real)
    by_corpus = {name: [a for a in real if a.fields["corpus"] == name] for name in CORPORA}
    for name in CORPORA[1:]:
        auc, _ = tell_apart(by_corpus[CORPORA[0]], by_corpus[name])
        print(f"\nfor comparison, style alone tells {CORPORA[0]} from {name} with an AUC of {auc:.3f}")
    auc, leanings = tell_apart(ours, real)
    print(f"style alone tells ours from real with an AUC of {auc:.3f}; .5 would be indistinguishable")
    for title, some in (("too much", leanings[::-1][:SHOWN]), ("too little", leanings[:SHOWN])):
        print(
            f"{title} (% of sentences, ours/real):", ", ".join(f"{n} {100 * a:.1f}/{100 * b:.1f}" for n, a, b in some)
        )


def tell_apart(ours: Sequence[Article], real: Sequence[Article]) -> tuple[float, list[tuple[str, float, float]]]:
    """AUC over folds by article, and the features from most real to most ours with their share in either."""
    left, pool = judged(ours), judged(real)
    picked = np.random.default_rng(0).choice(len(pool), min(len(pool), 2 * len(left)), replace=False)
    sentences = left + [pool[i] for i in picked]
    is_ours = np.arange(len(sentences)) < len(left)
    counts = Counter(token for text, _, _ in sentences for token in set(masked(text)))
    frequent = {token for token, _ in counts.most_common(FREQUENT)}

    def cut(text: str) -> list[str]:
        tokens = ["^", *(t if t in frequent else "_" for t in masked(text)), "$"]
        pairs = [f"{a} {b}" for a, b in pairwise(tokens) if "_" not in (a, b)]
        return [t for t in tokens if t != "_"] + pairs

    vectorizer = CountVectorizer(analyzer=cut, binary=True, min_df=LEAST)
    x = vectorizer.fit_transform([text for text, _, _ in sentences])
    model = LogisticRegression(C=0.1, max_iter=1000, class_weight="balanced")
    auc = cross_val_score(model, x, is_ours, groups=[a for _, a, _ in sentences], cv=GroupKFold(5), scoring="roc_auc")
    names, order = vectorizer.get_feature_names_out(), np.argsort(model.fit(x, is_ours).coef_[0])
    shares = [np.asarray(x[rows].mean(axis=0)).ravel() for rows in (is_ours, ~is_ours)]
    return float(auc.mean()), [(names[i], shares[0][i], shares[1][i]) for i in order]


if __name__ == "__main__":
    main()
