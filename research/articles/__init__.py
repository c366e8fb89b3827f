"""Articles as they come: from files, folders, addresses and streams to `Article` records cut into sentences.

`read_articles` streams articles in constant memory, cleaned of what stood around them, and reports what it cannot
read; `article_from_json` and `article_to_json` are the article JSONL contract; `segment` fills in the sentences.
Nothing here knows what the words mean. trafilatura, pyarrow and the rest are imported when they are needed.
"""

from research.articles.claims import claims_of
from research.articles.columns import parse_columns
from research.articles.languages import language_of
from research.articles.lines import article_from_json, article_to_json
from research.articles.readers import read_articles
from research.articles.segmentation import find_headline, segment, sentence_spans
from research.articles.workers import count_cores

__all__ = [
    "article_from_json",
    "article_to_json",
    "claims_of",
    "count_cores",
    "find_headline",
    "language_of",
    "parse_columns",
    "read_articles",
    "segment",
    "sentence_spans",
]
