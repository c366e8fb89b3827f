"""What the lines around an article are: adverts, navigation, bylines, share lines ... The phrases and words are in
furniture.yaml, whose head says how they are compared; here are the comparison and the few patterns that are no words.

Every rule asks for the whole line, so that a sentence which only mentions cookies or newsletters is safe from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

LONGEST = 60  # words; whatever is longer is a paragraph of somebody's article
LONG = 40  # words; the most of a line that speaks to the reader
SHORT = 12  # words; the most a line that `begins` like furniture has, when it does not speak to the reader
READER = frozenset("you your you've you're we us our here".split())
LISTED = frozenset("related read-more tags credit follow share advert metadata".split())  # may go on after a colon
BETWEEN = frozenset({"date", "share"})  # rules whose words may stand between phrases
SEPARATOR = re.compile(r"\s*[|•·]\s*|\s/\s|\s[–—-]{1,2}\s|\s{3,}")
PART = 7  # words; the most of a part of a line of which another part is a date or a byline

QUOTATION = re.compile(r"[\"“”„]|«[^»]+»")
SENTENCE_END = re.compile(r"[.!?…][\"”’')\]]*$")
_WORD = re.compile(r"(\d[\d:.,/'-]*)?([^\W\d_]+(?:['.][^\W\d_]+)*)?")
_RULER = re.compile(r"NNNN|ZCZC|[\W_]+")
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
    r"\W*(?:(?:additional|further) )?(?:reporting|writing|editing|edited|compiled|translated|produced) by\b.{3,160}",
    re.I,
)
_POST = re.compile(r"[^!?]{2,60}\(@\w+\).{0,40}|(?:\d[\d.,]*[KMkm]?\s[A-Z]?[a-z]+[\s·•|]*){2,4}|@\w{2,30}")
_IMAGE = re.compile(r"!?\[[^\]]*\]\([^)]*\)|\[\d+\]:?\s*https?:\S+|\S+\.(?:jpe?g|png|gif|webp)")
_SENTENCES = re.compile(r"[.!?] +[A-Z].*[.!?]$")
_CODES = re.compile(
    r"(?=.*(?:[A-Z]\d|\d:\d|\b[A-Z]{1,2}/[A-Z]{1,2}\b))(?:[A-Z0-9][A-Z0-9:./-]*[\s,|]*){2,6}"
    r"|[A-Z](?: [A-Z])+|[A-Z]{2} \d{4}|HD|BY|WC|PD|ET|SN|SC|ED|LA|CY|LP|TD|IPD|IPC|CO|IN|NS|RE|AN|PUB|RF|CR|SE|VOL|PG|ART"
)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATED = re.compile(
    rf"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,? )?(?:{_MONTH} \d{{1,2}},? \d{{4}}|"
    rf"\d{{1,2}}(?:st|nd|rd|th)? {_MONTH},? \d{{4}}|"
    r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}-\d\d-\d\d)\b.{0,60}",
    re.I,
)
_FULL_DATE = rf"(?:{_MONTH},? \d{{1,2}},? \d{{4}}|\d{{1,2}}(?:st|nd|rd|th)? {_MONTH},? \d{{4}})"
_SIGNED_AND_DATED = re.compile(
    rf"(?:\w+|(?:{_NAME}|and|in|for|at|[,|·•–—&/-])(?:[\s,|·•–—&/-]+(?:{_NAME}|and|in|for|at))*)[\s,|·•–—-]+"
    rf"(?i:{_FULL_DATE})(?:,? (?:at )?\d{{1,2}}[:.]\d\d.{{0,20}})?"
)
_SIGNED = re.compile(
    rf"\S+(?: \S+){{0,2}}[,:]? (?:\d{{1,2}}(?:st|nd|rd|th)? {_MONTH}|{_MONTH} \d{{1,2}}|\d+ \w+ ago)"
    r"(?:,? (?:at )?[\d:. apm]+)?",
    re.I,
)
_ADDRESSED = re.compile(r"(?:From|To|Cc|Sender|Reply-To): .*<\S+@\S+>")
_CRUMB = re.compile(r"\s*[|›»>•·☰]\s*|\s+/\s+")
_TICKER = re.compile(
    r"(?:[A-Z]{2,6}(?:[/-][A-Z]{3})?|[$€£¥₴₽₿]|Gold|Silver|Brent|WTI|Crude|Oil|Gas|Bitcoin|Euro|Dollar|Pound)"
    r"[A-Za-z0-9 ]{0,12}[\s:=]*[$€£¥]?\s*\d[\d.,]*\s*(?:[▲▼△▽↑↓+−–-]\s*)?"
    r"(?:\(?[+−–-]?\d[\d.,]*\s*%?\)?)?[\s▲▼△▽↑↓|;,·•]*"
)
_RATE = re.compile(r"[A-Z]{3}(?:/[A-Z]{3})?\s*[:=]?\s*\d+[.,]\d+")
_COPYRIGHT = re.compile(r"^\W*(?:©|\(c\))\s*[A-Z\d]|(?:©|\([cC]\))\s*(?:[Cc]opyright\s*)?\d{4}")
_FEED = re.compile(
    r"The post .{5,200} (?:appeared first on|first appeared on) .{2,60}|\[?(?:…|\.\.\.|&hellip;)\]?", re.I
)
_ASIDE = re.compile(r"\((?:[^()]|\([^()]*\))*[^().!?]\)+|\[[^\[\]]*[^\[\].!?…]\]")
_ARROW = re.compile(r"(?:[→▶►»›↗☞▸▾▼←◀⟶➔➜↓]|>>|👉).*|.*[→▶►»›↗▸⟶➔➜]")
_ADDRESS = re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.-]+|\b(?:https?://|www\.)(?!t\.co\b)\S+", re.I)
_PHONE = re.compile(
    r"(?:.{0,30}\W)?(?:tel|phone|fax|mobile|telephone|call|hotline|whatsapp|signal|after hours)\b.{0,40}?\d[\d ()/-]{4,}\d\W*",
    re.I,
)
_COUNTED = re.compile(r"[A-Z][a-z]+(?: [a-z]+)?: ?\d[\d.,]*[KMkm]?|[\d.,]+[KMkm]?\+?")
_NOTE = re.compile(
    r"(?:correction|clarification|disclosure|disclaimer|(?:editor|publisher|author)['’]?s?['’]? note)s?\b[^.]{0,40}[:.—–-].*"
    r"|\(?this (?:article|story|post|piece|column|interview|transcript|page) (?:(?:was|has been|is) )?(?:last |also )?"
    r"(?:first |originally |auto-?)?(?:amended|corrected|updated|edited|republished|published|appear(?:s|ed)|syndicated|generated"
    r"|translated|produced|supported by|part of|adapted|reprinted|archived|available)\b.*|(?:appeared|published) in the .{0,40}\bedition\b.*"
    r"|this (?:video|audio|content|live ?blog|blog|live|player|embed|widget|form|poll|gallery|page|site|website)s? (?:is (?:now )?"
    r"(?:closed|not|no longer|over|unavailable|only)|(?:has|have) (?:now )?(?:closed|ended|been removed|finished)|could not|can ?not"
    r"|can['’]t|isn['’]t|uses|requires|will be updated|may contain)\b.*",
    re.I,
)
_REACHED = re.compile(
    r".*\b(?:reach(?:ed)?|contact|follow|e-?mail|write|send|tips?|tweets?)\b.{0,60}(?:\S@\w|\s@\w|\d{3}[ -]\d{3,4}).*",
    re.I,
)
_JUMP = re.compile(
    r"(?:(?:continued|cont['’]?d|turn|please turn|see|story|from)\b.{0,20}\bpage [A-Z]?\d+|end of\b).{0,30}", re.I
)
_ISSUE = re.compile(r"(?:.{0,40}\W)?(?:No|Nr|Vol|Volume|Issue|Number)\b\.? ?\d+.{0,40}", re.I)
_SCORE = re.compile(r"[A-Z][\w.’' ]{1,30} \d{1,3} ?[-–:] ?\d{1,3} [A-Z][\w.’' ]{1,30}(?:\(.*\))?")
_SHORTCODE = re.compile(
    r"\[(caption|embed|gallery|video|audio|playlist|youtube|tweet|gist|quote|slideshow|sidebar|button|ad|widget|\w+_\w+|contact-form-7)\b"
    r"[^\]]*\](?:.{0,2000}?\[/\1\])?|\[[a-z_-]+\s+\w+=[^\]]*\]|\[/[a-z_-]+\]",
    re.S,
)


@dataclass(frozen=True)
class Rule:
    """One entry of furniture.yaml, as sets of words."""

    name: str
    line: frozenset[str] = frozenset()
    begins: frozenset[str] = frozenset()
    opens: frozenset[str] = frozenset()
    holds: tuple[tuple[frozenset[str], ...], ...] = ()
    words: frozenset[str] = frozenset()
    needs: frozenset[str] = field(default=frozenset())


@cache
def rules() -> tuple[Rule, ...]:
    import yaml  # most runs clean nothing

    found: dict[str, dict[str, Any]] = yaml.load(
        Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    )
    return tuple(_rule(name, given) for name, given in found.items())


def _rule(name: str, given: dict[str, Any]) -> Rule:
    line, begins, opens = (
        frozenset(" ".join(_words(str(phrase))) for phrase in given.get(key, ())) for key in ("line", "begins", "opens")
    )
    holds = tuple(tuple(frozenset(group.split()) for group in groups.split("+")) for groups in given.get("holds", ()))
    words, needs = (frozenset(str(given.get(key, "")).split()) for key in ("words", "needs"))
    return Rule(name, line, begins, opens, holds, words, needs)


def furniture(line: str) -> str | None:
    """The name of the rule that a line falls under; None where it may be a part of the article."""
    text = " ".join(line.split())
    if _RULER.fullmatch(text):
        return "ruler"
    words = _words(text)
    if not words or len(words) > LONGEST:
        return None
    if _is_ticker(text):
        return "ticker"
    if _ADDRESSED.fullmatch(text):
        return "metadata"
    if _NOTE.fullmatch(text):
        return "note"
    if QUOTATION.search(text):
        return None
    return _by_words(words, text) or _by_shape(text) or _by_parts(text) or _by_crumbs(text)


def shortcodes(text: str) -> list[tuple[int, int]]:
    """Spans of the shortcodes of blog software, with what they enclose: `[caption id="7"]...[/caption]`."""
    return [found.span() for found in _SHORTCODE.finditer(text)]


def _by_words(words: list[str], text: str) -> str | None:
    joined = " ".join(words)
    if name := _as_phrases(words):
        return name
    before, colon, _ = text.replace("|", ":").partition(":")
    if colon and not _SENTENCES.search(text) and (name := _as_phrases(_words(before))) in LISTED:
        return name
    if words == ["0"]:
        return None  # a number by itself may be anything
    known = set(words)
    sentence = bool(SENTENCE_END.search(text)) and len(words) > 6
    to_reader = bool(known & READER)
    for rule in rules():
        begun = rule.begins if to_reader or (len(words) <= SHORT and not sentence) else ()
        if any(joined.startswith(phrase + " ") for phrase in (*begun, *rule.opens)):
            return rule.name
        if len(words) <= LONG and any(all(known & group for group in groups) for groups in rule.holds):
            return rule.name
        if rule.words and known <= rule.words and known & rule.needs:
            return rule.name
    return None


def _by_shape(text: str) -> str | None:
    if _REPORTING.fullmatch(text) or _BYLINE.fullmatch(text) or _STAFF.fullmatch(text):
        return "byline"
    if _COPYRIGHT.search(text) and len(text.split()) <= SHORT * 2:
        return "footer"
    if _FEED.fullmatch(text):
        return "read-more"
    if re.match(r"(?i:home)\s*[/>»›|→]", text) and not SENTENCE_END.search(text):
        return "navigation"
    if _DATED.fullmatch(text) and not SENTENCE_END.search(text):
        return "date"
    if _SIGNED.fullmatch(text) or _SIGNED_AND_DATED.fullmatch(text):
        return "date"
    if _POST.fullmatch(text):
        return "share"
    if _IMAGE.fullmatch(text):
        return "credit"
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
        if _JUMP.fullmatch(text):
            return "pages"
        if _SCORE.fullmatch(text):
            return "ticker"
    if _CODES.fullmatch(text):
        return "codes"
    if all(word.startswith("#") and len(word) > 1 for word in text.replace(",", " ").split()):
        return "tags"
    return None


def _by_parts(text: str) -> str | None:
    """A line in parts of which one is a date, a byline or so, and the others are short: "Courts | A. Brill | 4 May"."""
    parts = [part for part in SEPARATOR.split(text) if part]
    if len(parts) < 2 or SENTENCE_END.search(text) or max(len(part.split()) for part in parts) > PART:
        return None
    found = [_by_words(_words(part), part) or _by_shape(part) for part in parts]
    return min(filter(None, found), key=lambda name: name not in ("byline", "date"), default=None)


def _by_crumbs(text: str) -> str | None:
    parts = [part for part in _CRUMB.split(text) if part]
    longest = max((len(part.split()) for part in (parts[:-1] if re.search("[›»]", text) else parts)), default=0)
    if len(parts) >= 3 and longest <= 4 and (not SENTENCE_END.search(text) or len(parts[-1].split()) > 4):
        return "navigation"
    return None


def _as_phrases(words: list[str]) -> str | None:
    """The rule of the first phrase when the words are nothing but `line` phrases, one after another; numbers and the
    small words of dates and share lines may stand between."""
    phrases, most = _phrases()
    names: list[str | None] = ["", *[None] * len(words)]  # the rule of words[:i] cut into phrases, "" without one yet
    for end in range(1, len(words) + 1):
        for start in range(max(0, end - most), end):
            before, rule = names[start], phrases.get(" ".join(words[start:end]))
            if rule and before is not None:
                names[end] = before or rule
                break
        else:
            names[end] = names[end - 1] if words[end - 1] in _between() else None
    return names[-1] or None


@cache
def _between() -> frozenset[str]:
    return frozenset().union(*(rule.words for rule in rules() if rule.name in BETWEEN))


@cache
def _phrases() -> tuple[dict[str, str], int]:
    """The rule of each phrase that is a whole line, and the words of the longest one."""
    known = {phrase: rule.name for rule in reversed(rules()) for phrase in rule.line}
    return known, max(len(phrase.split()) for phrase in known)


def _words(text: str) -> list[str]:
    plain = text.lower().replace("’", "'")
    return [("0" if m[1] else "") + (m[2] or "") for m in _WORD.finditer(plain) if m[0]]


def _is_ticker(text: str) -> bool:
    """Names of currencies or shares with their numbers, and little else."""
    items = [found[0] for found in _TICKER.finditer(text)]
    return sum(map(len, items)) >= 0.75 * len(text) and (len(items) > 1 or bool(_RATE.match(text)))
