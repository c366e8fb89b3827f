"""Compressed bytes, unpacked no further than a limit: some kilobytes can be made to unpack to gigabytes."""

from __future__ import annotations

import zlib

from research.records import ResearchError

GZIP_MARK = b"\x1f\x8b"
_ANY_HEADER = 32 + zlib.MAX_WBITS  # gzip or zlib, whichever the data begin with


def inflate(data: bytes, limit: int) -> bytes:
    """What gzip, zlib or bare deflate `data` hold, several gzip members too; bytes behind the last one are left out.

    ResearchError when it is more than `limit` bytes, damaged or cut off.
    """
    out: list[bytes] = []
    left = limit
    header = _ANY_HEADER if data.startswith(GZIP_MARK) or _is_zlib(data) else -zlib.MAX_WBITS
    try:
        while data:
            decoder = zlib.decompressobj(header)
            out.append(decoder.decompress(data, left + 1))
            left -= len(out[-1])
            if left < 0:
                raise ResearchError(f"unpacks to more than {limit // 2**20} MB")
            if not decoder.eof:
                raise ResearchError("compressed data that are cut off")
            data = decoder.unused_data if decoder.unused_data.startswith(GZIP_MARK) else b""
    except zlib.error as error:
        raise ResearchError(f"compressed data that are damaged ({error})") from None
    return b"".join(out)


def _is_zlib(data: bytes) -> bool:
    return len(data) > 1 and data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0
