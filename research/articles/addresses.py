"""Pages fetched from http and https addresses, with limits on time, size and redirects."""

from __future__ import annotations

import time
from http.client import HTTPException, HTTPMessage
from typing import IO, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from research.records import ResearchError

PAGE_LIMIT = 20 * 2**20  # bytes
TIMEOUT = 20  # seconds without an answer
DEADLINE = 60  # seconds for the whole page
REDIRECTS = 5
USER_AGENT = "stance-attribution (news research)"


class Page(NamedTuple):
    """What an address answered: the bytes, the character set the server declared, the address after redirects."""

    data: bytes
    charset: str | None
    url: str


def fetch_page(url: str) -> Page:
    """The page at an http or https address; ResearchError says in one line why there is none."""
    opener = build_opener(_Redirects)
    chunks: list[bytes] = []
    size, deadline = 0, time.monotonic() + DEADLINE
    try:
        request = Request(_escape(url), headers={"User-Agent": USER_AGENT})
        with opener.open(request, timeout=TIMEOUT) as response:
            while chunk := response.read1(2**16):
                chunks.append(chunk)
                size += len(chunk)
                if size > PAGE_LIMIT:
                    raise ResearchError(f"page is larger than {PAGE_LIMIT // 2**20} MB")
                if time.monotonic() > deadline:
                    raise ResearchError(f"page took longer than {DEADLINE} s")
            if response.length:
                raise ResearchError(f"connection closed {response.length} bytes before the end of the page")
            return Page(b"".join(chunks), response.headers.get_content_charset(), response.url)
    except HTTPError as error:
        error.close()
        if error.code in (301, 302, 303, 307, 308):
            raise ResearchError(f"more than {REDIRECTS} redirects") from None
        raise ResearchError(f"HTTP {error.code} {error.reason}".rstrip()) from None
    except URLError as error:
        raise ResearchError(f"cannot be fetched: {getattr(error.reason, 'strerror', None) or error.reason}") from None
    except TimeoutError:
        raise ResearchError(f"no answer within {TIMEOUT} s") from None
    except (HTTPException, OSError, ValueError) as error:
        raise ResearchError(f"cannot be fetched: {' '.join(str(error).split())}") from None


class _Redirects(HTTPRedirectHandler):
    max_redirections = REDIRECTS
    max_repeats = REDIRECTS

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if urlsplit(newurl).scheme not in ("http", "https"):  # urllib alone would go on to ftp
            raise ResearchError(f"redirects to {newurl}; only http and https are followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _escape(url: str) -> str:
    """The address as HTTP wants it: people paste addresses with letters that are not ASCII."""
    parts = urlsplit(url)
    host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode("ascii")
    safe = "%/:=&?~+!$,;'@()*[]"
    return urlunsplit((parts.scheme, host, quote(parts.path, safe), quote(parts.query, safe), ""))
