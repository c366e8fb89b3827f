"""The page of labelled articles in a browser: filters, keyboard, contrast, paper, and whose scripts it runs."""

import base64
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from research.articles import segment
from research.records import PRIMARY_LABELS, STANCE_LABELS, Article, Claim, Prediction, Row, Stance
from research.summary.article_page import article_page

pytest.importorskip("aiohttp", reason="no aiohttp to talk to chromium with")
pytestmark = pytest.mark.skipif(not shutil.which("chromium"), reason="no chromium")

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"><!--"
TEXT = (
    "Orle ministry denies crack in dam\n\nThe ministry in Orle denied that the dam had a crack. It may leak  all the "
    "same 😀, experts said. The dam was built in 1961.\n\nA study \u202ecalled it sound. "
    f"{HOSTILE} The mayor said nothing was wrong, and that it might rain.\nIt rained."
)
LABELS: list[tuple[str, ...] | None] = [
    ("official_statement", "denial"),
    ("official_statement", "denial"),
    ("speculation",),
    (),
    None,
    ("official_statement", "speculation", "denial"),
    (),
]
MODELS = {"attribution": {"name": "tfidf", "version": "7", "run_id": "r1"}}
CLAIMS = (Claim("c1", "The dam has a crack."), Claim("c2", "The mayor left."), Claim("c3", "The dam is sound."))

CONTRASTS = (Path(__file__).parent / "data" / "contrasts.js").read_text(encoding="utf-8")
# The text of the article that is open, without badges, hidden words and references.
READ = """(() => {
  const copy = find("reading").cloneNode(true);
  for (const one of copy.querySelectorAll(".badges, .ref, .sr")) one.remove();
  return [copy.querySelector("h1").textContent, copy.querySelector(".text").textContent];
})()"""


def prediction(article: Article, labels: list[tuple[str, ...] | None], primary: str | None) -> Prediction:
    article = segment(article)
    chances = {"official_statement": 0.971, "speculation": 0.004, "denial": 0.64}
    rows = tuple(
        Row("attribution", article.article_id, s.start, s.end, given, probabilities=chances)
        for s, given in zip(article.sentences, labels, strict=True)
    )
    p = dict.fromkeys(PRIMARY_LABELS, 0.1) | ({primary: 0.7} if primary else {})
    of_article = Row("primary", article.article_id, 0, 9, (primary,) if primary else None, probabilities=p)
    return Prediction(article, rows, of_article, False, MODELS)


def dam() -> Prediction:
    """An article with all that can be shown."""
    address = "https://sund.example/dam?a=1&b=2"
    one = prediction(
        Article("dam", TEXT, "javascript:alert(1)", TEXT.split("\n")[0], "Sund Post", "2031-05-04", address),
        LABELS,
        "denial",
    )
    spans = [s.span for s in one.article.sentences]
    chances = dict.fromkeys(STANCE_LABELS, 0.25)
    found = [("denies", spans[:2]), ("unrelated", spans[6:7]), (None, spans[4:5])]
    stances = [
        Stance(claim, Row("stance", "dam", 0, 9, (label,) if label else None, claim.claim_id, chances), tuple(evidence))
        for claim, (label, evidence) in zip(CLAIMS, found, strict=True)
    ]
    own = [("supports", spans[1]), ("unrelated", spans[3]), ("denies", spans[5])]
    sentences = [
        Row("stance", "dam", *span, (label,), CLAIMS[0].claim_id, chances | {label: 0.7}) for label, span in own
    ]
    stances[0] = replace(stances[0], sentences=tuple(sentences))
    return replace(one, stances=tuple(stances))


def predictions() -> Iterator[Prediction]:
    yield dam()
    yield prediction(Article("x", "It hailed.", title=f"\u202eTitle {HOSTILE}", published="next week"), [()], None)
    yield prediction(
        Article("y", "Snow may come.", title="Snow", outlet="Orle Wire", published="2031-04-30"),
        [("speculation",)],
        "speculation",
    )
    for i in range(120):
        outlet = f"Outlet {i % 9}"
        yield prediction(
            Article(f"f{i}", "It rained.", title=f"Rain {i}", outlet=outlet, published="2031-05-20"), [()], "background"
        )


@pytest.fixture
def browser(chromium: Any) -> Iterator[Any]:
    """No test may leave an error in the console."""
    chromium.look()
    yield chromium
    assert chromium.said == []


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("page") / "page.html"
    file.write_text("".join(article_page(predictions())), encoding="utf-8")
    return file.as_uri()


def texts(browser: Any, selector: str) -> list[str]:
    found: list[str] = browser.run(
        f"[...document.querySelectorAll({json.dumps(selector)})].map(one => one.textContent)"
    )
    return found


def choose(browser: Any, name: str, value: str) -> None:
    browser.run(f"find('by-{name}').value = {json.dumps(value)}; find('by-{name}').dispatchEvent(new Event('change'))")


# --- the index ------------------------------------------------------------------------------------------------


def test_the_index_filters_sorts_and_counts(browser: Any, page: str) -> None:
    browser.open(page)
    assert texts(browser, "#index h1, #index h1 + p") == [
        "123 articles",
        "129 sentences, 1 without outlet, 1 with a date that cannot be read",
    ]
    assert len(texts(browser, "#rows tr")) == 100 and texts(browser, "#page") == ["page 1 of 2"]
    assert texts(browser, "#rows tr:first-child > *") == [
        *(
            "1",
            "Orle ministry denies crack in dam",
            "Sund Post",
            "2031-05-04",
            "D denial",
            "O43\xa0%",
            "S29\xa0%",
            "D43\xa0%",
        ),
        *("7", "− denies c1? abstained c3unrelated: 1"),
    ]
    browser.run("find('by-text').focus()")
    browser.call("Input.insertText", text="MAY leak")  # of the text, whatever the case
    browser.run("new Promise(done => setTimeout(done, 300))")
    assert texts(browser, "#count") == ["1 of 123 articles"]
    browser.run("find('by-text').value = ''")
    choose(browser, "primary", str(PRIMARY_LABELS.index("background")))
    assert texts(browser, "#count") == ["120 of 123 articles"] and len(texts(browser, "#outlets tbody tr")) == 6
    choose(browser, "primary", "")
    choose(browser, "claim", "1")
    choose(browser, "stance", str(STANCE_LABELS.index("unrelated")))
    assert texts(browser, "#rows td") == ["No article passes these filters."]
    choose(browser, "stance", str(STANCE_LABELS.index("denies")))
    assert texts(browser, ".c-title") == ["Orle ministry denies crack in dam"]
    choose(browser, "claim", "")
    choose(browser, "stance", "")
    for way, first in (("descending", "Rain 0"), ("ascending", "Snow")):
        browser.run("document.querySelectorAll('.articles thead button')[3].click()")
        assert browser.run("COLUMNS[3].view.getAttribute('aria-sort')") == way
        assert texts(browser, ".c-title")[0] == first
    browser.run("find('after').click()")
    assert texts(browser, ".c-title")[-1].startswith("\u202eTitle </script>"), "what has no date comes last"


def test_when_and_where(browser: Any, page: str) -> None:
    browser.open(page)
    rows = browser.run(
        "[...document.querySelectorAll('#timeline tr')].map(tr => [...tr.children].map(c => c.textContent))"
    )
    assert rows == [
        ["day", "speculation", "denial", "background"],
        ["2031-04-30", "1", "", ""],
        ["2031-05-04", "", "1", ""],
        ["2031-05-20", "", "", "120"],
    ]
    assert texts(browser, "#timeline > p:last-child") == ["1 article without a date that can be read"]
    assert len(texts(browser, "svg rect")) == 3
    browser.run("document.querySelector('#outlets p button').click()")
    rows = browser.run(
        "[...document.querySelectorAll('#outlets tr')].map(tr => [...tr.children].map(c => c.textContent))"
    )
    assert rows[1] == [
        *("outlet", "articles", "Sspeculation", "Ddenial", "Bbackground", "?abstained"),
        *("Oofficial statement", "Sspeculation", "Ddenial", "Bbackground"),
    ]
    assert rows[2] == ["Outlet 0", "14", "", "", "14", "", *("0\xa0%",) * 3, "100\xa0%"]
    assert rows[-1] == ["Sund Post", "1", "", "1", "", "", "43\xa0%", "29\xa0%", "43\xa0%", "29\xa0%"]
    assert rows[-3][0] == "no outlet" and len(rows) == 2 + 12
    browser.run("[...document.querySelectorAll('#outlets button')].find(b => b.textContent === 'no outlet').click()")
    assert texts(browser, "#count") == ["1 of 123 articles"]


# --- an article -----------------------------------------------------------------------------------------------


def test_an_article_is_shown_as_it_is(browser: Any, page: str) -> None:
    browser.open(page)
    browser.run("document.querySelector('a[href=\"#1\"]').click()")
    assert browser.run("new Promise(done => setTimeout(() => done(document.activeElement.tagName), 50))") == "H1"
    heading, rest = browser.run(READ)
    assert heading + rest == TEXT, "nothing is left out or changed"
    assert len(texts(browser, ".text p")) == 2
    kinds = browser.run("[...document.querySelectorAll('#reading .s')].map(one => one.tagName + one.className)")
    assert kinds == ["MARKs D", "MARKs D", "MARKs S", "SPANs B", "MARKs N", "MARKs D", "SPANs B"]
    heard = [" ".join(one.replace("\xa0", " ").split()) for one in texts(browser, "#reading .badges .sr")]
    assert heard[1:4:2] == ["official statement 97 %, denial 64 %:", "abstained:"]
    assert browser.run("[...document.querySelectorAll('#reading a[href^=http]')].map(a => a.href)") == [
        "https://sund.example/dam?a=1&b=2"
    ]
    assert texts(browser, ".facts li")[3:] == [
        "javascript:alert(1)",
        "article id dam",
        "1 invisible character in the text that can turn its direction",
    ]
    assert browser.run("document.title") == "Orle ministry denies crack in dam · Labelled articles"
    assert not browser.run("document.querySelector('img, main script')") and "tfidf" in texts(browser, "footer")[0]
    browser.run("location.hash = '#2'")
    assert (
        browser.run("new Promise(done => setTimeout(() => done(document.title), 50))")
        == f"Title {HOSTILE} · Labelled articles"
    )


def test_keys_go_from_sentence_to_sentence(browser: Any, page: str) -> None:
    browser.open(f"{page}#1")
    assert browser.run("document.querySelectorAll('#reading .s[tabindex=\"0\"]').length") == 1, "one tab stop"
    browser.press("Tab")
    at = "(one => [one.dataset.n, find('tip').hidden, one.getAttribute('aria-describedby')])(document.activeElement)"
    assert browser.run(at) == ["1", False, "tip"]
    said = texts(browser, "#tip")[0].replace("\xa0", " ")
    assert said == "official statement, denial sentence 1 of 7Oofficial statement97 %Sspeculation<1 %Ddenial64 %"
    seen = []
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"):
        browser.press(key)
        seen.append(browser.run("document.activeElement.dataset.n"))
    assert seen == ["2", "3", "5", "6", "5", "4"], "left and right: labelled ones only"
    assert texts(browser, "#tip b") == ["background"]
    browser.press("Escape")
    assert browser.run(at) == ["4", True, None]
    browser.run("document.querySelector('button[data-label=\"1\"]').click()")
    assert texts(browser, "#shown") == ["2 of 7 sentences shown"]
    assert browser.run("[...document.querySelectorAll('.s:not(.off)')].map(one => one.dataset.n)") == ["3", "6"]
    browser.run("document.querySelector('button[data-step=\"1\"]').click()")
    assert browser.run("document.activeElement.dataset.n") == "6", "the others are skipped"


def test_evidence_and_claims_are_linked(browser: Any, page: str) -> None:
    browser.open(f"{page}#1")
    assert texts(browser, ".claims li > p .stance") == ["− denies", "? abstained", "· unrelated"]
    after = (
        "new Promise(done => setTimeout(() => done(document.activeElement.dataset.n || document.activeElement.id), 50))"
    )
    browser.run("document.querySelectorAll('.evidence a')[1].click()")
    assert browser.run(after) == "2"
    browser.run("document.querySelector('[data-n=\"5\"] .ref').click()")
    assert browser.run(after) == "claim-3"
    assert texts(browser, "#reading .s .ref .sr + bdi") == ["c1", "c1", "c3", "c1"], "none of what is unrelated"


def test_sentences_show_their_own_stances(browser: Any, page: str) -> None:
    browser.open(f"{page}#1")
    assert texts(browser, "#reading .s .ref .sr") == [
        " evidence on claim ",
        " supports claim ",
        " evidence on claim ",
        " denies claim ",
    ]
    said = [" ".join(one.replace("\xa0", " ").split()) for one in texts(browser, "#claim-1 .evidence li")]
    assert [one[:13] for one in said[1:]] == ["+ supports 70", "− denies 70 %"] and "%" not in said[0]
    browser.run("goTo(document.querySelector('[data-n=\"6\"]'))")
    assert texts(browser, "#tip p")[1].replace("\xa0", " ") == "− denies 70 % claim c1"


def test_hovering_shows_probabilities(browser: Any, page: str) -> None:
    browser.open(f"{page}#1")
    place = "(r => [r.left + 5, r.top + 5])(document.querySelector('[data-n=\"3\"] .t').getClientRects()[0])"
    x, y = browser.run(place)
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    assert browser.run("find('tip').hidden") is False and texts(browser, "#tip b") == ["speculation"]
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=1270, y=890)
    assert browser.run("new Promise(done => setTimeout(() => done(find('tip').hidden), 300))") is True


# --- for everybody, everywhere ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", ["", "#1.5"])
@pytest.mark.parametrize("width", [1280, 400])
def test_all_text_has_contrast_and_fits(browser: Any, page: str, scheme: str, place: str, width: int) -> None:
    browser.look(scheme, width)
    browser.open(page + place)
    browser.run("for (const one of document.querySelectorAll('details')) one.open = true")
    found = browser.run(CONTRASTS)
    assert found["found"] == [] and found["pairs"] >= 6
    if place:
        assert browser.run("find('tip').hidden") is False
        browser.run("document.querySelector('button[data-label=\"1\"]').click()")  # dims the others
        assert browser.run(CONTRASTS)["found"] == []
    assert browser.run("document.documentElement.scrollWidth") <= width
    dark = browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 28)"
    assert dark == (scheme == "dark")


def test_colours_can_be_chosen_even_where_nothing_can_be_stored(browser: Any) -> None:
    source = "".join(article_page([dam()])).encode()
    browser.open("data:text/html;base64," + base64.b64encode(source).decode())
    code = "try { localStorage; 'stored' } catch { 'refused' }"
    assert browser.run(code) == "refused"
    browser.run("find('theme').value = 'dark'; find('theme').dispatchEvent(new Event('change'))")
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 28)"
    assert texts(browser, "#reading h1 .t") == ["Orle ministry denies crack in dam"], "one article needs no index"


def test_on_paper_every_article_stands_in_full(browser: Any, page: str) -> None:
    shown = "document.querySelectorAll('#printed article').length"
    browser.open(page)
    choose(browser, "primary", str(PRIMARY_LABELS.index("denial")))
    browser.look(media="print")
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert (browser.run(shown), texts(browser, "#printed .evidence li")[0]) == (1, "Orle ministry denies crack in dam")
    hidden = "[...document.querySelectorAll('.filters, .top, #reading')].every(one => !one.checkVisibility())"
    visible = (
        "[...document.querySelectorAll('#printed .badge, #printed details *')].every(one => one.checkVisibility())"
    )
    assert browser.run(hidden) and browser.run(visible)
    assert (
        browser.run("document.querySelectorAll('#printed button, #printed a[href^=\"#\"], #printed [id]').length") == 0
    )
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert browser.run(shown) == 0
    browser.open(f"{page}#3")
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert texts(browser, "#printed h1") == ["Snow"]


def test_without_scripts_and_when_it_breaks_off(browser: Any, tmp_path: Path) -> None:
    whole = "".join(article_page([dam(), dam()]))
    file = tmp_path / "page.html"
    file.write_text(whole[: whole.index("</ol>")], encoding="utf-8")
    browser.open(file.as_uri())
    assert texts(browser, "[role=alert]") == ["This page breaks off: the command that wrote it was interrupted."]
    assert len(texts(browser, "#rows tr")) == 2
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(file.as_uri())
        root = browser.call("DOM.getDocument")["root"]["nodeId"]
        html = browser.call("DOM.getOuterHTML", nodeId=root)["outerHTML"]
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
    assert '<p class="note">Without JavaScript this page shows titles and primary labels only.</p>' in html
    assert html.count("<li><bdi>Orle ministry denies crack in dam</bdi> <b>denial</b>") == 2
