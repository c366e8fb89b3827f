"""What stands around an article and is told by its neighbours, its place or the page: boxes, feet, headlines, dumps."""

import pytest

from research.articles.cleaning import clean
from research.articles.dumps import read_lines
from research.articles.furniture import furniture
from research.articles.pages import article_from_html

TITLE = "Bell tower sinks another inch"
SUNK = "The bell tower of St Anne in Tarn sank another inch over the winter, the parish said on Monday."
SPRING = "Engineers suspect a spring under the north wall. The diocese disputes that there is a spring."
OTHER = "The governor has cancelled his trip to the coast, his press office said. It gave no reason."


def paragraphs(*blocks: str) -> list[str]:
    """The lines left of an article made of these blocks below a headline."""
    (found,) = clean("\n\n".join([TITLE, *blocks]))
    title, *rest = found.text.split("\n\n")
    assert (title, found.title) == (TITLE, TITLE)
    return rest


@pytest.mark.parametrize(
    "box",
    [
        "Sign up for our newsletter\nThe stories that matter in the valley, every weekday.",
        "Advertisement\nYour savings deserve a better bed.\nOpen an account in six minutes",
        "Roofs and gutters\nTel. Bernard, Ashcombe 555 019\nNo job too small",
        "READ MORE: Five towers that lean\nWoman, 101, buys first computer",
        "Subscribe\n\nA letter on towers",
        "Follow us on Facebook\n\nStart your own page in two minutes.",
        "Attachment(s):\nDownload PDF",
        "ADVERTISEMENT\nMORE BELL NEWS\nCRACK OF DOOM How the bell of Orm lost its tongue",
        "Rats in the belfry? Ring Orrin on 555 0184",
        "Dieser Inhalt wurde am 11. Januar veröffentlicht",
        "ADVISORY: A longer story on the tower will move by noon.",
        "- * TOWER WEEK * -\nPosts: 1,204   Joined: Tue Feb 3   Location: below the tower",
    ],
)
def test_a_box_between_paragraphs_goes_as_a_whole(box: str) -> None:
    assert paragraphs(SUNK, box, SPRING) == [SUNK, SPRING]


@pytest.mark.parametrize(
    "line",
    [
        "Pigeons do not mind.",
        "Ask your councillor what he paid, the vicar suggested.",
        "Will it fall?",
        "“It stands, and you can see that it stands.”",
    ],
)
def test_a_sentence_between_adverts_stays(line: str) -> None:
    assert paragraphs(SUNK, "ADVERTISEMENT", line, "ADVERTISEMENT", SPRING) == [SUNK, line, SPRING]


def test_without_blank_lines_neighbours_tell_less() -> None:
    (found,) = clean("\n".join([TITLE, SUNK, "Sign up for our newsletter", "Nobody was hurt.", "Share", SPRING]))
    assert found.text.split("\n\n") == [TITLE, SUNK, "Nobody was hurt.", SPRING]
    assert paragraphs(SUNK, SPRING, "Advertisement", "Nobody was hurt.", "Share") == [SUNK, SPRING, "Nobody was hurt."]


def test_lists_and_posts_stay_beside_adverts() -> None:
    demands = ["Among those asked for were:", "A second bell", "A new rope"]
    assert paragraphs(SUNK, *demands, "ADVERTISEMENT", SPRING) == [SUNK, *demands, SPRING]
    post = ["Nobody told me that it moves", "— Vera Lind (@veralind) March 4, 2022"]
    assert paragraphs(SUNK, "\n".join(post), "ADVERTISEMENT", SPRING) == [SUNK, post[0], SPRING]


def test_items_below_a_sentence_with_a_colon_stay() -> None:
    demands = ["The ringers have three demands:", "- Let us ring.", "- Contact the bishop.", "- Pay."]
    assert paragraphs(SUNK, *demands, "ADVERTISEMENT", SPRING) == [SUNK, *demands, SPRING]


def test_sub_headings_stay_where_nothing_is_furniture() -> None:
    assert paragraphs(SUNK, "What happens next", SPRING) == [SUNK, "What happens next", SPRING]


def test_what_is_said_of_the_author_goes() -> None:
    foot = "Ada Crane is the keeper of a small museum in Orm."
    assert paragraphs("By Ada Crane", SUNK, SPRING, OTHER, foot) == [SUNK, SPRING, OTHER]


def test_a_name_that_stands_in_the_text_is_no_headline() -> None:
    foot = "The Tower Letter is a publication on towers in Tarn that lives from what its readers give."
    (found,) = clean("\n\n".join(["The Tower Letter", "Subscribe", TITLE, SUNK, SPRING, OTHER, foot]))
    assert found.text.split("\n\n") == [TITLE, SUNK, SPRING, OTHER]


def test_a_notice_above_the_headline_is_not_the_body() -> None:
    for notice in ("Good morning, here is your letter.", "From today's Echo, for those without one:"):
        (found,) = clean("\n\n".join([notice, TITLE, SUNK, SPRING, "Unsubscribe"]))
        assert found.text.split("\n\n") == [TITLE, SUNK, SPRING]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("LOAD-DATE: March 4, 2019", "metadata"),
        ("Vol. 12, No. 3", "metadata"),
        ("Posts: 77", "metadata"),
        ("WC", "codes"),
        ("Severin Oake in Port Lisle and Anjali Brandt in London JANUARY 9 2023", "date"),
        ("irma.solace@ledger.example", "contact"),
        ("She can be reached at o.prell@tarn.example or 555-0199.", "contact"),
        ("Online at www.tarn.example/towers", "contact"),
        ("(With inputs from agencies)", "aside"),
        ("[a bell rings]", "aside"),
        ("→ Go deeper: The Brenn Farmer", "read-more"),
        ("Join today →", "read-more"),
        ("❧", "ruler"),
        ("Calder Rovers 1 - 1 Port Isen", "ticker"),
        ("Turn to Page 4, Col. 3", "pages"),
        ("Correction, July 31: A previous version misspelled a name.", "note"),
        ("This story has been updated with a statement of the parish.", "note"),
        ("This video can not be shown.", "note"),
        ("Media caption, “It moved again”", "credit"),
        ("First name* Last name* Your parish*", "subscription"),
        ("Board index < Country < Towers", "navigation"),
        ("Tarn Now, [16.10.2023 08:14]", "post"),
        ("(mk) See also page 11", "signature"),
        ("a0415 r f bc-tower-sinks 03-11 0091", "codes"),
        ("MORE TO COME", "footer"),
        ("Report on towers (PDF, 44 KB)", "pages"),
        ("+7", "metadata"),
        ("Last modified: 19.05.2018 by admin2", "date"),
        ("Eds: UPDATES with quotes.", "note"),
        ("Friends of Towers is a registered charity in Tarn (no. 280117).", "footer"),
        ("Tower House, Tarn. You're receiving this because you asked for it.", "footer"),
        ("Tarn Echo Ltd. All rights reserved. Printed in Orm.", "footer"),
    ],
)
def test_shapes_of_lines(line: str, rule: str) -> None:
    assert furniture(line) == rule


@pytest.mark.parametrize(
    "line",
    [
        "This video shows a tower that leans.",
        "Anyone with information is asked to call 555-0199.",
        "(The company denied this.)",
        "In May the tower sank by 3 - 4 inches.",
        "Contact with the ship was lost on Monday.",
        "The story was published on Monday.",
        "All rights reserved, the publisher had argued, meant reserved to the publisher.",
        "At 09:31:",
        "The parish, a registered charity with no debts, denied it.",
        "In all 100,000 of 300,000 bells were rung.",
    ],
)
def test_sentences_shaped_like_furniture(line: str) -> None:
    assert furniture(line) is None


def test_a_dump_is_cut_where_the_topic_changes() -> None:
    second = ["Governor cancels trip to the coast", OTHER, "He may go to the mine instead, two officials suggested."]
    for gap in ("\n\n", "\n\n\n", "\n\nShare  Tweet  Email\n\n", "\n\nCOUNTRY\n"):
        found = clean("\n\n".join([TITLE, SUNK, SPRING]) + gap + "\n\n".join(second))
        assert [one.title for one in found] == [TITLE, second[0]], gap
    heading = "The north wall of the tower"
    (whole,) = clean("\n\n".join([TITLE, SUNK, heading, SPRING, "The tower of St Anne will not be propped up."]))
    assert whole.title == TITLE


def test_a_dump_is_cut_at_posts_signatures_and_numbers() -> None:
    first, second = (TITLE, SUNK, SPRING), ("Trip to the coast cancelled", OTHER)
    marks = [
        ("Tarn Now, [16.10.2023 08:14]", "", "Tarn Now, [16.10.2023 10:02]"),
        ("Compiled by our reporters", "(rt)", "(mk)"),
        ("Good morning, Tarn, here is your letter.", "1.", "2."),
    ]
    for one, two, three in marks:
        below = (three,) if two == "(rt)" else ()
        between = (two,) if two == "(rt)" else (three,)
        above = (one, two) if two == "1." else (one,)
        found = clean("\n\n".join([*above, *first, *between, *second, *below]))
        assert [one.text.split("\n\n") for one in found] == [[*first], [*second]]
    remarks = ["Tarn Now, [16.10.2023 10:02]", "It leans.", "Tarn Now, [16.10.2023 10:04]", "It does."]
    assert len(clean("\n\n".join([*first, *remarks]))) == 1


def test_entries_of_a_live_blog_are_no_articles() -> None:
    entries = ["18:02", "Ada Crane, at the tower of the parish", SPRING, "Share this", "17:30", "Ringers leave", SUNK]
    assert len(clean("\n\n".join([TITLE, SUNK, "Share this", *entries, "Share this"]))) == 1


def test_links_go_from_each_article_of_a_dump() -> None:
    second = ["Governor cancels trip to the coast", OTHER, "He may go to the mine instead, two officials suggested."]
    found = clean("\n\n".join([TITLE, SUNK, "Share this", SPRING, "Share", *second, "Road news, weather, sport p430"]))
    assert [one.text.split("\n\n") for one in found] == [[TITLE, SUNK, SPRING], second]


def test_narrow_columns_are_joined() -> None:
    narrow = (
        "The bell tower of St Anne in\nTarn sank another inch over the\nwinter. No one has an idea what\ncan be done."
    )
    (found,) = clean(f"{TITLE}\n\n{narrow}")
    assert [line for line in read_lines(narrow) if line.is_body] == read_lines(narrow)
    assert len(read_lines(narrow)) == 1 and found.text.endswith(narrow)
    assert len(read_lines("Bell tower of St Anne sinks again\nby Ada Crane")) == 2


def test_a_question_of_an_interview_is_no_headline() -> None:
    text = "\n\n".join(
        [
            "Four questions for the last bell ringer of Tarn",
            "Ada Crane, 77, has rung the bells of Tarn since 1965. She stops on Sunday.",
            "Q: What do you think? Will it fall?",
            "A: It has fallen. You came over it.",
            "Q: Then who still rings the bells?",
            "A: Lovers. Debtors. A priest, on Fridays.",
        ]
    )
    (found,) = clean(text)
    assert found.text == text and found.title == "Four questions for the last bell ringer of Tarn"


def test_the_headline_is_told_by_its_key_and_is_no_field_or_name() -> None:
    form = ["Prepared for: the bell tower of St Anne in Tarn", "Keywords: bell OR tower", "Inch: one"]
    for head in (["Search: tower AND winter AND Tarn", "Headline:"], form, ["St Anne of Tarn | Bell tower"]):
        (found,) = clean("\n".join([*head, TITLE]) + f"\n\n{SUNK}\n\n{SPRING}\n\nShare")
        assert found.title == TITLE, head


def test_numbered_sections_of_an_article_are_no_articles() -> None:
    sections = ["1. The spring", "2. The north wall"]
    (whole,) = clean("\n\n".join([TITLE, SUNK, SPRING, sections[0], SPRING, sections[1], SPRING + " " + SUNK]))
    assert whole.title == TITLE
    heads = ["1. Tower sinks", "2. Governor cancels trip"]
    assert len(clean("\n\n".join(["The week in short.", heads[0], SUNK, SPRING, heads[1], OTHER]))) == 2


def page(title: str, *body: str) -> list[str]:
    found = article_from_html(f"<html><head><title>{title}</title></head><body>{''.join(body)}</body></html>", "a", "a")
    return [found.title or "", *found.text.split("\n\n")]


def test_the_headline_of_a_page_is_the_one_above_the_body() -> None:
    told = "".join(f"<p>{text}</p>" for text in (SUNK, SPRING, OTHER))
    headline = f"<font size=5><b>{TITLE}</b></font>"
    assert page("Tarn Echo -- Printer Friendly Format", headline, told) == [TITLE, TITLE, SUNK, SPRING, OTHER]


def test_paragraphs_above_the_first_one_found_in_a_page_are_fetched() -> None:
    told = [f'<div class="t"><div class="p">{text}</div></div>' for text in (SUNK, OTHER, SPRING)]
    links = '<div class="l"><div>More on this story</div><div><a href="/1">Why towers lean</a></div></div>'
    more = [f'<div class="t"><div class="p">{text} {text}</div></div>' for text in (SPRING, OTHER, SUNK)]
    first = told[0].replace(SUNK, f"<b>{SUNK}</b>")
    body = ("<div>", f"<div><h1>{TITLE}</h1></div>", first, *told[1:], links, *more, "</div>")
    assert page(TITLE, *body)[:3] == [TITLE, TITLE, SUNK]


def test_boxes_with_fields_are_taken_out_of_a_page() -> None:
    box = "<div><h3>The Evening Letter</h3><p>All of it at six, every day.</p><input><p>Leave when you like.</p></div>"
    body = (f"<h1>{TITLE}</h1>", f"<p>{SUNK}</p>", box, f"<p>{SPRING}</p>", f"<p>{OTHER}</p>")
    assert page(TITLE, *body) == [TITLE, TITLE, SUNK, SPRING, OTHER]
    assert page(TITLE, "<form>", *body[:2], *body[3:], "</form>") == [TITLE, TITLE, SUNK, SPRING, OTHER]


def test_the_name_of_the_outlet_tells_the_foot_of_a_page() -> None:
    foot = "Tarn Echo is printed twice a week on thin paper."
    told = "".join(f"<p>{text}</p>" for text in (SUNK, SPRING, OTHER, foot))
    assert page(f"{TITLE} | Tarn Echo", f"<h1>{TITLE}</h1>", told) == [TITLE, TITLE, SUNK, SPRING, OTHER]


@pytest.mark.parametrize(
    "tail",
    [
        "Reuters",
        "Yearly subscription, post paid: 14 florins\nManuscripts are not returned.\nAll rights reserved.",
        "- ENDS -\n\n1. Pictures of the tower may be ordered from the parish.\n\n2. The vicar is free on Monday.",
    ],
)
def test_what_stands_at_the_very_end_goes(tail: str) -> None:
    assert paragraphs("By Ada Quill", SUNK, SPRING, OTHER, tail) == [SUNK, SPRING, OTHER]


def test_a_correction_that_tells_a_fact_stays_and_one_of_a_slip_goes() -> None:
    fact = "Correction: an earlier version of this story said that the tower fell in March. The picture was doctored."
    slip = "Correction: an earlier version of this story misspelled the name of the vicar, who is called Ash, not Ashe."
    assert paragraphs(SUNK, SPRING, fact, slip) == [SUNK, SPRING, fact]


def test_running_heads_between_wrapped_lines_do_not_break_them() -> None:
    above, below = (
        "The tower stands on clay, which has moved with the\nriver.",
        "The mill was shut, and the race has been\ndry.",
    )
    page = f"{above}\n{{}}\n{below}"
    raw = f"{TITLE}\n\n{page.format('Orm Quarterly 12/3   14')}\n\n{page.format('Orm Quarterly 12/3   15')}"
    texts = [line.text for line in read_lines(raw)]
    assert texts[1:4] == [
        "The tower stands on clay, which has moved with the river.",
        "Orm Quarterly 12/3 14",
        "The mill was shut, and the race has been dry.",
    ]


def test_lines_that_fill_their_column_go_on_in_the_next_one() -> None:
    lines = "The guild has welcomed the ruling. Its head, Cuthbert\nMoll, had warned that the tax drives us to tin."
    assert [line.text for line in read_lines(lines)] == [" ".join(lines.split())]


@pytest.mark.parametrize(
    ("line", "left"),
    [
        (f"{SUNK} (See also: Five towers that lean)", SUNK),
        (f"{SUNK} LISTEN: The bell of Orm", SUNK),
        (f"Facebook Twitter WhatsApp Email {SUNK}", SUNK),
    ],
)
def test_links_and_share_words_within_a_paragraph_go(line: str, left: str) -> None:
    assert paragraphs(OTHER, line, SPRING) == [OTHER, left, SPRING]


def test_a_dateline_below_a_headline_begins_an_article() -> None:
    one = [TITLE, "By Ada Quill", SUNK, SPRING]
    two = [
        "Ostrich stopped on the motorway",
        "MERLE (NPA) - An ostrich was stopped on a motorway by a teacher, police said.",
    ]
    assert [found.title for found in clean("\n\n".join([*one, *two, OTHER]))] == [one[0], two[0]]
