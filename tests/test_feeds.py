"""Feeds and sitemaps, as files and addresses, and which pages they lead to."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from research.articles import read_articles
from research.articles.sitemaps import LOCATIONS

PAGE = """<html><head><title>{title} | Lintel Post</title></head><body><article><h1>{title}</h1>
<p>The council of Lintel said on Monday that the matter was closed.</p></article></body></html>"""
RSS = """<?xml version="1.0"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Lintel Post</title>
<item><title>Arrel &amp; Co denies it</title><link>{url}/1</link><pubDate>Tue, 05 Mar 2024 10:00:00 GMT</pubDate>
 <dc:creator>Ada Quill</dc:creator><description>Short.</description>
 <content:encoded><![CDATA[<p>Arrel denies it.</p><p>Nobody was hurt.</p>]]></content:encoded></item>
<item><title>Bridge</title><link>{url}/2</link><description>Only a summary.</description></item>
<item><title>Bridge again</title><link>{url}/2</link></item>
<item><title>Nothing</title></item>
</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Quay News</title>
<entry><title>Quay floods</title><link href="http://quay.example/1"/><updated>2024-03-05T10:00:00Z</updated>
<content type="text">The quay flooded.

Nobody was hurt.</content></entry></feed>"""
SITEMAP = """<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
 xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">
<url><loc>{url}/1</loc><news:news><news:publication><news:name>Lintel Post</news:name></news:publication>
<news:publication_date>2024-03-05T10:00:00Z</news:publication_date><news:title>Quay</news:title></news:news></url>
<url><loc> {url}/2 </loc></url><url><loc>{url}/2</loc></url><url><loc>ftp://arrel.example/a</loc></url>
</urlset>"""
INDEX = '<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{}</sitemapindex>'


def read(*sources: Path | str) -> tuple[list[Any], list[tuple[str, str]]]:
    problems: list[tuple[str, str]] = []
    found = read_articles([str(s) for s in sources], lambda origin, message: problems.append((origin, message)))
    return list(found), problems


@pytest.fixture
def pages(site: Any) -> Any:
    site.routes |= {f"/{i}": PAGE.format(title=f"Title {i}").encode() for i in (1, 2, 3)}
    return site


@pytest.mark.parametrize("from_file", [True, False])
def test_entries_with_content_are_articles_and_the_others_are_fetched_once(
    pages: Any, tmp_path: Path, from_file: bool
) -> None:
    feed = RSS.format(url=pages.url)
    (tmp_path / "feed.xml").write_text(feed)
    pages.routes["/feed"] = feed.encode()
    source = tmp_path / "feed.xml" if from_file else f"{pages.url}/feed"
    (own, fetched), problems = read(source)
    assert own.text == "Arrel & Co denies it\n\nArrel denies it.\n\nNobody was hurt."
    assert (own.article_id, own.origin, own.url) == (f"{pages.url}/1",) * 3
    assert (own.title, own.outlet, own.published) == ("Arrel & Co denies it", "Lintel Post", "2024-03-05")
    assert own.fields["author"] == "Ada Quill" and ("fetched" in own.fields) is not from_file
    assert (fetched.title, fetched.origin, fetched.outlet) == ("Title 2", f"{pages.url}/2", "Lintel Post")
    assert problems == [(f"{source}:4", "entry with neither content nor an address")]
    assert [path for path, _ in pages.asked if path not in ("/robots.txt", "/feed")] == ["/2"]


def test_atom_with_content_as_plain_text(tmp_path: Path) -> None:
    (tmp_path / "quay.atom").write_text(ATOM)
    (article,), problems = read(tmp_path / "quay.atom")
    assert not problems
    assert article.text == "Quay floods\n\nThe quay flooded.\n\nNobody was hurt."
    assert (article.published, article.outlet, article.url) == ("2024-03-05", "Quay News", "http://quay.example/1")


def test_a_feed_is_no_article_and_no_page_leads_on(pages: Any, tmp_path: Path) -> None:
    pages.routes["/1"] = pages.routes["/2"] = ATOM.encode()
    (tmp_path / "sitemap.xml").write_text(SITEMAP.format(url=pages.url))
    articles, problems = read(tmp_path / "sitemap.xml")
    assert not articles
    assert problems[:2] == [(f"{pages.url}/{i}", "a feed in place of an article") for i in (1, 2)]


@pytest.mark.parametrize("packed", [True, False])
def test_sitemap_leads_to_its_pages_and_says_what_they_do_not(pages: Any, tmp_path: Path, packed: bool) -> None:
    data = SITEMAP.format(url=pages.url).encode()
    (tmp_path / "sitemap.xml.gz").write_bytes(gzip.compress(data))
    pages.routes["/sitemap"] = data
    (one, two), problems = read(tmp_path / "sitemap.xml.gz" if packed else f"{pages.url}/sitemap")
    assert (one.title, one.published, one.outlet, one.url) == ("Title 1", "2024-03-05", "Lintel Post", f"{pages.url}/1")
    assert (two.title, two.published, two.origin) == ("Title 2", None, f"{pages.url}/2")
    assert problems == [("ftp://arrel.example/a", "names ftp://arrel.example/a; only http and https are followed")]


def test_index_of_sitemaps_is_followed_to_a_depth_and_never_twice(pages: Any) -> None:
    def index(*paths: str) -> bytes:
        return INDEX.format("".join(f"<sitemap><loc>{pages.url}{path}</loc></sitemap>" for path in paths)).encode()

    urls = "".join(f"<url><loc>{pages.url}/{i}</loc></url>" for i in (3, 1))
    pages.routes |= {
        "/index": index("/part.gz", "/index", "/page", "/deep1"),
        "/part.gz": gzip.compress(f"<urlset>{urls}</urlset>".encode()),
        "/page": pages.routes["/2"],
        "/deep1": index("/deep2"),
        "/deep2": index("/deep3"),
    }
    articles, problems = read(f"{pages.url}/index")
    assert [a.title for a in articles] == ["Title 3", "Title 1"]
    assert problems == [
        (f"{pages.url}/page", "not a sitemap"),
        (f"{pages.url}/deep2", "more than 3 sitemaps inside each other; the others are left out"),
    ]
    assert [path for path, _ in pages.asked].count("/index") == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<rss version='2.0'><channel></channel></rss>", "feed without entries"),
        ("<urlset></urlset>", "sitemap without addresses"),
        ("<?xml version='1.0'?><urlset><url>", "sitemap without addresses"),
    ],
)
def test_list_without_anything_is_one_problem(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "list.xml"
    path.write_text(content)
    assert read(path) == ([], [(str(path), message)])


def test_sitemap_of_too_many_addresses_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "many.xml"
    path.write_text(f"<urlset>{'<url><loc>ftp://a.example/</loc></url>' * (LOCATIONS + 1)}</urlset>")
    _, problems = read(path)
    assert problems[1:] == [(str(path), f"sitemap of more than {LOCATIONS} addresses; the others are left out")]
