"""Shapes of lines that are no part of an article, whatever their words: bylines, dates, tickers, addresses, codes."""

from __future__ import annotations

import re

LONG = 40  # words; the most of a line that speaks to the reader
SHORT = 12  # words; the most a line that begins like furniture has, when it does not speak to the reader
PART = 7  # words; the most of a part of a line of which another part is a date or a byline

QUOTATION = re.compile(r"[\"“”„]|«[^»]+»")
SENTENCE_END = re.compile(r"[.!?…][\"”’')\]]*$")
RULER = re.compile(r"NNNN|ZCZC|[\W_]+")
_NAME = r"(?:(?:Mc|Mac|O['’]|D['’])?[A-Z][\w’'-]*\.?|de|del|van|von|der|al|bin|ibn|la|le|di|da)"
_ROLE = (
    r"(?i:staff|senior|chief|special|foreign|political|diplomatic|defen[cs]e|guest|contributing|our|own|local|news|national|"
    r"writers?|reporters?|correspondents?|editors?|desk|agenc(?:y|ies)|team|bureau|columnist|contributor|analyst|and|in|for|of|"
    r"the|at|with|affairs|crime|security|city|night|digital|online|photographs?|pictures)"
)
_BYLINE = re.compile(
    r"(?i:by|written by|posted by|reported by|words by|story by|text by|authors?|from)[\s:]+"
    rf"(?:{_NAME}|{_ROLE})(?:[\s,|&/·•–—-]+(?:{_NAME}|{_ROLE}|\d[\d:.,/]*(?:am|pm)?|\S+@\S+)){{0,14}}[\s|·•,]*"
)
_STAFF = re.compile(
    rf"{_NAME}(?:\s{_NAME}){{1,3}}\s*[,|·•–—-]?\s*(?:{_ROLE}\s)*(?i:writer|reporter|correspondent|editor|columnist|contributor|desk|bureau)s?"
    rf"(?:\s*[,|·•–—-]?\s*(?:{_NAME}|{_ROLE}|\d[\d:./]*)){{0,6}}\.?"
)
_REPORTING = re.compile(
    r"\W*(?:(?:additional|further) )?(?:reporting|writing|editing|edited|compiled|translated|transcribed"
    r"|illustrated|narrated|produced) by\b.{3,160}",
    re.I,
)
_POST = re.compile(r"[^!?]{2,60}\(@\w+\).{0,40}|(?:\d[\d.,]*[KMkm]?\s[A-Z]?[a-z]+[\s·•|]*){2,4}|@\w{2,30}")
_IMAGE = re.compile(r"!?\[[^\]]*\]\([^)]*\)|\[\d+\]:?\s*https?:\S+|\S+\.(?:jpe?g|png|gif|webp)")
_CODES = re.compile(
    r"(?=.*(?:[A-Z]\d|\d:\d|\b[A-Z]{1,2}/[A-Z]{1,2}\b))(?:[A-Z0-9][A-Z0-9:./-]*[\s,|]*){2,6}"
    r"|[A-Z](?: [A-Z])+|[A-Z]{2} \d{4}"
    r"|(?=(?:\D*\d){6})(?=.*[a-z])(?:(?:[A-Za-z]{0,3}\d|[a-z]+[/-])[\w/-]*\s*|[a-z]{1,2}\s+|[A-Z]{3}$){3,8}"  # slugs
    r"|HD|BY|WC|PD|ET|SN|SC|ED|LA|CY|LP|TD|IPD|IPC|CO|IN|NS|RE|AN|PUB|RF|CR|SE|VOL|PG|ART"  # fields of a database
)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATED = re.compile(
    rf"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,? )?(?:{_MONTH} \d{{1,2}},? \d{{4}}|"
    rf"\d{{1,2}}(?:st|nd|rd|th)? {_MONTH},? \d{{4}}|"
    r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}-\d\d-\d\d)\b.{0,60}",
    re.I,
)
_FULL_DATE = re.compile(
    rf"(?:{_MONTH},? \d{{1,2}},? \d{{4}}|\d{{1,2}}(?:st|nd|rd|th)? {_MONTH},? \d{{4}})"
    r"(?:,? (?:at )?\d{1,2}[:.]\d\d.{0,20})?$",
    re.I,
)
_SIGNED = re.compile(
    rf"\S+(?: \S+){{0,2}}[,:]? (?:\d{{1,2}}(?:st|nd|rd|th)? {_MONTH}|{_MONTH} \d{{1,2}}|\d+ \w+ ago)"
    r"(?:,? (?:at )?[\d:. apm]+)?",
    re.I,
)
CAPTION = re.compile(r"(?:media|image|video|photo) caption[,:] .*", re.I)
ADDRESSED = re.compile(r"(?:From|To|Cc|Sender|Reply-To): .*<\S+@\S+>")
_TICKER = re.compile(
    r"(?:[A-Z]{2,6}(?:[/-][A-Z]{3})?|[$€£¥₴₽₿]|Gold|Silver|Brent|WTI|Crude|Oil|Gas|Bitcoin|Euro|Dollar|Pound)"
    r"[A-Za-z0-9 ]{0,12}[\s:=]*[$€£¥]?\s*\d[\d.,]*\s*(?:[▲▼△▽↑↓+−–-]\s*)?"
    r"(?:\(?[+−–-]?\d[\d.,]*\s*%?\)?)?[\s▲▼△▽↑↓|;,·•]*"
)
_RATE = re.compile(r"[A-Z]{3}(?:/[A-Z]{3})?\s*[:=]?\s*\d+[.,]\d+")
_COPYRIGHT = re.compile(
    r"^\W*(?:©|\(c\))\s*[A-Z\d]|(?:©|\([cC]\))\s*(?:[Cc]opyright\s*)?\d{4}"
    r"|[Rr]egistered [Cc]harity\b[^.]*\b[Nn](?:o\.?|umber) ?\d"
    r"|\b(?:[Rr]ights [Rr]eserved|RIGHTS RESERVED)\s*(?:[.|·•©–—-]|$)"
)
_FEED = re.compile(
    r"The post .{5,200} (?:appeared first on|first appeared on) .{2,60}|\[?(?:…|\.\.\.|&hellip;)\]?", re.I
)
_ASIDE = re.compile(r"\((?:[^()]|\([^()]*\))*[^().!?]\)+|\[[^\[\]]*[^\[\].!?…]\]")
_INITIALS = re.compile(r"\([a-z]{2,3}\)(?: (?:See|Continued|Turn|More)\b.{0,40})?")
_POSTED = re.compile(r"[^.!?]{2,60}, \[\d{1,2}[./-]\d{1,2}[./-]\d{2,4},? \d{1,2}:\d\d(?::\d\d)?(?: ?[AP]M)?\]")
_FIELDS = re.compile(r"(?:[A-Z][\w’' -]{1,30}\*\s*){2,}.*")
_VALUE = re.compile(r"(?:^|[\s|(])[A-Z][a-z]{2,}(?: [a-z]+)?: ([\w$€£+])")  # "Posts: 77   Joined: Mon Aug 7"
ORNATE = re.compile(r"([-–—=*~#+|•]{1,3}) \S.{0,80}\S \1")
_ARROW = re.compile(r"(?:[→▶►»›↗☞▸▾▼←◀⟶➔➜↓]|>>|👉).*|.*[→▶►»›↗▸⟶➔➜↑⤴]")
_ADDRESS = re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.-]+|\b(?:https?://|www\.)(?!t\.co\b)\S+", re.I)
_PHONE = re.compile(
    r"(?:.{0,30}\W)?(?:tel|phone|fax|mobile|telephone|call|hotline|whatsapp|signal|after hours)\b"
    r".{0,40}?\d[\d ()/-]{4,}\d\W*",
    re.I,
)
_COUNTED = re.compile(r"[A-Z][a-z]+(?: [a-z]+)?: ?\d[\d.,]*[KMkm]?|\+?[\d.,]+[KMkm]?\+?")
_FILE = re.compile(r".*\((?:PDF|ODT|DOCX?|XLSX?|CSV|ZIP|MP3)\W+[\d.,]+ ?[kKMG]B\)")
NOTE = re.compile(
    r"(?:correction|clarification|disclosure|disclaimer|(?:editor|publisher|author)['’]?s?['’]? note)s?\b"
    r"[^.]{0,40}[:.—–-].*"
    r"|\(?this (?:article|story|post|piece|column|interview|transcript|page) (?:(?:was|has been|is) )?(?:last |also )?"
    r"(?:first |originally |auto-?)?(?:amended|corrected|updated|edited|republished|published|appear(?:s|ed)|syndicated"
    r"|generated|translated|produced|supported by|part of|adapted|reprinted|archived|available)\b.*"
    r"|(?:eds|editors|advisory|attention editors)(?::| -) .*"
    r"|(?:appeared|published) in the .{0,40}\bedition\b.*"
    r"|this (?:video|audio|content|live ?blog|blog|live|player|embed|widget|form|poll|gallery|page|site|website)s? "
    r"(?:is (?:now )?(?:closed|not|no longer|over|unavailable|only)|could not|can ?not|can['’]t|isn['’]t|uses|requires"
    r"|(?:has|have) (?:now )?(?:closed|ended|been removed|finished)|will be updated|may contain)\b.*",
    re.I,
)
CORRECTED = re.compile(
    r"\W*(?:correction|clarification)\b(?!.*(?:spell|spelt|typ(?:o|ing)\b|\bnamed?\b|caption|please read|headline))",
    re.I,
)  # a fact, and no slip
_REACHED = re.compile(
    r"(?:\W*(?:follow|contact|reach|e-?mail|write|send|tips?|got|do you|did|to contact|to reach)\b.*"
    r"|.*\b(?:reached|contacted|followed) (?:at|on|via)\b.*)(?:\S@\w|\s@\w|\d{3}[ -]\d{3,4}).*"
    r"|.*\b(?:press|media|news) ?(?:office|desk|room|contact)\b.*\d{3}[ -]\d{3,4}.*",
    re.I,
)
_JUMP = re.compile(
    r"(?:(?:continued|cont['’]?d|turn|please turn|see|story|from)\b.{0,20}\bpage [A-Z]?\d+|end of\b).{0,30}", re.I
)
_ISSUE = re.compile(r"(?:.{0,40}\W)?(?:No|Nr|Vol|Volume|Issue|Number)\b\.? ?\d+.{0,40}", re.I)
_OFFER = re.compile(
    r"^(?:[^.!?]{0,50}[.!?] )?(?:See|Read|Visit|View|Browse|Explore|Check(?: out)?|Try|Join)(?: about)? our\b"
    r"|^[A-Z][^.!?]{2,60}\? (?i:(?:then )?(?:try|read|write|e-?mail|call|ring|use|join|sign|click|visit|text|subscribe"
    r"|get in|send|see (?:page|our)|find out|follow|donate))\b"
)
_SCORE = re.compile(r"[A-Z][\w.’' ]{1,30} \d{1,3} ?[-–:] ?\d{1,3} [A-Z][\w.’' ]{1,30}(?:\(.*\))?")
_SHORTCODE = re.compile(
    r"\[(caption|embed|gallery|video|audio|playlist|youtube|tweet|gist|quote|slideshow|sidebar|button|ad|widget|\w+_\w+|contact-form-7)\b"
    r"[^\]]*\](?:.{0,2000}?\[/\1\])?|\[[a-z_-]+\s+\w+=[^\]]*\]|\[/[a-z_-]+\]",
    re.S,
)


def shape(text: str) -> str | None:
    """The name of the rule that a line without quotation marks falls under by its shape."""
    if _REPORTING.fullmatch(text) or _BYLINE.fullmatch(text) or _STAFF.fullmatch(text):
        return "byline"
    if _COPYRIGHT.search(text) and len(text.split()) <= LONG:
        return "footer"
    if _FEED.fullmatch(text):
        return "read-more"
    if re.match(r"(?i:home)\s*[/>»›|→]", text) and not SENTENCE_END.search(text):
        return "navigation"
    if _DATED.fullmatch(text) and not SENTENCE_END.search(text):
        return "date"
    if _SIGNED.fullmatch(text) or _is_signed(text):
        return "date"
    if _POST.fullmatch(text):
        return "share"
    if _IMAGE.fullmatch(text):
        return "credit"
    if _POSTED.fullmatch(text):
        return "post"
    if _INITIALS.fullmatch(text):
        return "signature"
    if _FIELDS.fullmatch(text):
        return "subscription"
    if _OFFER.search(text) and len(text.split()) <= LONG:
        return "follow"
    if _ASIDE.fullmatch(text):
        return "aside"
    if _REACHED.fullmatch(text) and len(text.split()) <= LONG:
        return "contact"
    if (_PHONE.fullmatch(text) or _ADDRESS.search(text)) and len(_ADDRESS.sub("", text).split()) <= PART:
        return "contact"
    if not SENTENCE_END.search(text):
        if _ARROW.fullmatch(text):
            return "read-more"
        if _COUNTED.fullmatch(text) or (_ISSUE.fullmatch(text) and len(text.split()) <= SHORT):
            return "metadata"
        if len(values := _VALUE.findall(text)) > 1 and any(not value.isalpha() for value in values):
            return "metadata"
        if _JUMP.fullmatch(text) or _FILE.fullmatch(text):
            return "pages"
        if _SCORE.fullmatch(text):
            return "ticker"
    if _CODES.fullmatch(text):
        return "codes"
    if all(word.startswith("#") and len(word) > 1 for word in text.replace(",", " ").split()):
        return "tags"
    return None


def _is_signed(text: str) -> bool:
    """Names and small words with a date behind: "Ada Crane in Orm and Mo Farrell 4 May 2031"."""
    found = None if "(@" in text else _FULL_DATE.search(text)  # which is the foot of a post
    names = text[: found.start()].split() if found else []
    small = {"and", "in", "for", "at", "with"}
    return len(names) <= SHORT and any(names) and all(not name[0].islower() or name in small for name in names)


def is_ticker(text: str) -> bool:
    """Names of currencies or shares with their numbers, and little else."""
    items = [found[0] for found in _TICKER.finditer(text)]
    return sum(map(len, items)) >= 0.75 * len(text) and (len(items) > 1 or bool(_RATE.match(text)))


def shortcodes(text: str) -> list[tuple[int, int]]:
    """Spans of the shortcodes of blog software, with what they enclose: `[caption id="7"]...[/caption]`."""
    return [found.span() for found in _SHORTCODE.finditer(text)]
