"""PDF files: paragraphs from lines, and what is said of a file that has none."""

import io
from pathlib import Path

import pypdf
import pytest

from research.articles import read_articles
from research.articles.pdfs import article_from_pdf
from research.records import ResearchError

HEADER = "Ministry of Harbours, press office"


def pdf(*pages: list[str]) -> bytes:
    """A PDF file with these lines on its pages."""
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", font]
    kids = []
    for lines in pages:
        shown = b" ".join(b"(%b) Tj T*" % line.encode("cp1252") for line in lines)
        content = b"BT /F1 11 Tf 14 TL 72 720 Td %b ET" % shown
        objects.append(b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content))
        resources = b"/MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >>"
        objects.append(b"<< /Type /Page /Parent 2 0 R %b /Contents %d 0 R >>" % (resources, len(objects)))
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Kids [%b] /Count %d >>" % (b" ".join(kids), len(kids))
    out, places = b"%PDF-1.4\n", b""
    for number, content in enumerate(objects, 1):
        places += b"%010d 00000 n \n" % len(out)
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    size = len(objects) + 1
    table = b"xref\n0 %d\n0000000000 65535 f \n%btrailer << /Size %d /Root 1 0 R >>" % (size, places, size)
    return b"%b%b\nstartxref\n%d\n%%%%EOF\n" % (out, table, len(out))


def text_of(*pages: list[str]) -> str:
    return article_from_pdf(pdf(*pages), "a", "a.pdf").text


def test_press_release_becomes_paragraphs(tmp_path: Path) -> None:
    first = [
        HEADER,
        "Harbour of Lintel reopens",
        "",
        "The Ministry of Harbours said on Monday that the harbour of Lin-",
        "tel would reopen in a week, after divers had removed the wreck of",
        "the ferry. A long-",
        "term plan would follow.",
        "",
        "• Berth one opens on Tuesday.",
        "• Berth two opens later.",
        "Page 1 of 2",
    ]
    second = [
        HEADER,
        "The long-term plan was not yet ready, a spokeswoman said, and",
        "nobody had been hurt.",
        "Page 2 of 2",
    ]
    (tmp_path / "release.pdf").write_bytes(pdf(first, second))
    (article,) = read_articles([str(tmp_path)], lambda *problem: pytest.fail(str(problem)))
    assert article.text.split("\n\n") == [
        "Harbour of Lintel reopens",
        "The Ministry of Harbours said on Monday that the harbour of Lintel would reopen in a week, after divers had "
        "removed the wreck of the ferry. A long-term plan would follow.",
        "• Berth one opens on Tuesday.",
        "• Berth two opens later.",
        "The long-term plan was not yet ready, a spokeswoman said, and nobody had been hurt.",
    ]
    assert (article.article_id, article.title) == ("release.pdf", "Harbour of Lintel reopens")
    assert article.fields["extractor"] == f"pypdf {pypdf.__version__}" and len(article.fields["sha256"]) == 64


def test_sentence_goes_on_over_the_page_and_a_line_of_one_page_stays() -> None:
    assert (
        text_of(["The harbour of Lintel was closed"], ["for a week."]) == "The harbour of Lintel was closed for a week."
    )
    pages = [["Notice", "One."], [HEADER, "Two."], [HEADER, "Three."]]
    assert text_of(*pages).split("\n\n") == ["Notice", "One.", "Two.", "Three."]


def test_double_spaced_lines_are_one_paragraph() -> None:
    lines = ["The harbour of Lintel was closed", "", "on Monday and would be opened in", "", "a week."]
    assert text_of(lines) == "The harbour of Lintel was closed on Monday and would be opened in a week."


def encrypted() -> bytes:
    writer = pypdf.PdfWriter(clone_from=pypdf.PdfReader(io.BytesIO(pdf(["Secret."]))))
    writer.encrypt("word", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pdf([], []), "no text in this PDF: scanned pages need text recognition (OCR) first"),
        (encrypted(), "encrypted PDF: save it without a password first"),
        (pdf(*[["Page."]] * 201), "PDF of 201 pages; an article has at most 200"),
        (b"%PDF-1.4 broken", "broken PDF: "),
        (pdf(["Text."])[:150], "broken PDF: "),
    ],
)
def test_pdf_that_cannot_be_read_is_one_line(data: bytes, message: str) -> None:
    with pytest.raises(ResearchError) as raised:
        article_from_pdf(data, "a", "a.pdf")
    assert str(raised.value).startswith(message) and "\n" not in str(raised.value)
