"""Makes texts from outside fit for a terminal and a report: no control characters, no keys."""

import re

# C0 but the newline, C1, what turns the direction of writing, and what XML forbids.
_UNSEEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_BETWEEN = "[ \t\xa0\u2009\u202f]{0,2}"  # spaces of a key that is written in groups
_LONG_HEX = re.compile(f"(?:[0-9a-fA-F]{_BETWEEN}){{23,}}[0-9a-fA-F]")


def visible(text: str) -> str:
    r"""Return a text with escapes such as \x1b in place of control characters."""
    return _UNSEEN.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def hide_keys(text: str) -> str:
    """Return a text in which "(hidden)" stands for everything that looks like a key.

    That is a run of 24 or more hexadecimal digits, also in groups with spaces between.
    """
    return _LONG_HEX.sub("(hidden)", text)
