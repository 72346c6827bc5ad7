"""Finds integers in JSON text that do not fit 64 bits. The interpreter of programs would round most of them.

Nearly all text has none. It is passed over at a fraction of a microsecond for each event: all digits are
replaced by one byte, and a run of 19 of them is searched for.
"""

import re

_RUN = b"0" * 19
"""Integers with fewer digits always fit 64 bits."""
_DIGITS = bytes(48 if 48 <= each <= 57 else 32 for each in range(256))
_BEFORE = (b"", b":", b",", b"[", b" ", b"\t", b"\n", b"\r")
_LEAST, _MOST = -(1 << 63), (1 << 64) - 1
_LONGEST = 20
_SHOWN = 30
# A text, or an integer: no part of a longer number, and no fraction or exponent behind it.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|(?<![0-9.eE+-])-?[0-9]{19,}+(?![.eE])', re.DOTALL)


def beyond_64_bits(text: bytes) -> str:
    """Returns the first integer in the JSON `text` that does not fit 64 bits, cut short, with its number of
    digits.

    Returns an empty text if there is none. Integers from -2^63 to 2^64 - 1 fit.
    """
    runs = text.translate(_DIGITS)
    at = runs.find(_RUN)
    while at >= 0:
        # Of a text, such as an id or an account's number, unless it stands where a number may begin.
        if text[max(at - 2, 0) : at].removesuffix(b"-")[-1:] in _BEFORE:
            return _first(text)
        end = runs.find(b" ", at)
        at = runs.find(_RUN, end) if end >= 0 else -1
    return ""


def _first(text: bytes) -> str:
    for token in _TOKEN.findall(text):
        if not token.startswith(b'"') and not _fits(token):
            digits = token.lstrip(b"-")
            shown = token.decode() if len(token) <= _SHOWN else f"{token[:_SHOWN].decode()}…"
            return f"{shown} ({len(digits)} digits)"
    return ""


def _fits(token: bytes) -> bool:
    return len(token.lstrip(b"-")) <= _LONGEST and _LEAST <= int(token) <= _MOST
