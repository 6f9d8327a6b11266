"""A unit's answers as they come in: lines of bounded length, an ERROR in words for the absurd."""

import re

LINE_MAX = 4096  # bytes of a line; the rest of a longer line is dropped
NUMBER_MAX = 10  # digits of a number of seconds
REASON_MAX = 300  # characters of an adapter's own words

ANSWERS = {
    "#TOKEN": re.compile(
        r"#TOKEN;(VALID;\d+|ALREADY_USED|INVALID|PAYG_DISABLED|LOCKED(;\d+)?);?$"
        r"|#TOKEN;ERROR;|#INVALID$"  # an adapter's own mistake; no right answer
    ),
    "#STATUS": re.compile(r"#STATUS;(ACTIVE;\d+|INACTIVE|PAYG_DISABLED);?$"),
    "#SETUP": re.compile(r"#SETUP;OK|#INVALID$"),
    "#ID": re.compile(r"#ID;[^;]*;[^;]*;|#INVALID$"),
}
_SECONDS = re.compile(r"#[A-Z]+;[A-Z]+;(\d+);?$")


_TAIL = re.compile(  # of an answer to #TOKEN or #STATUS whose begin another program took
    r"(T?O?K?E?N?;|T?A?T?U?S?;)?"
    r"(VALID;\d+|ALREADY_USED|INVALID|PAYG_DISABLED|LOCKED(;\d+)?|INACTIVE|ACTIVE;\d+);?$"
)
_KNOWN = re.compile(r"#[A-Z]{2,};")


class Lines:
    """Cuts bytes into lines. A line above LINE_MAX is cut off just above LINE_MAX."""

    def __init__(self) -> None:
        self._waiting = b""

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that end in `data`."""
        *heard, waiting = (self._waiting + data.replace(b"\r", b"\n")).split(b"\n")
        self._waiting = waiting[: LINE_MAX + 1]
        return [line[: LINE_MAX + 1].decode("ascii", "replace").strip() for line in heard]


def answer_in(line: str, asked: str) -> str | None:
    """Return the answer to a question ("#TOKEN;…") in a line, or None if the line has none.

    A line or a number that is too long is an ERROR, in words.
    """
    word = asked.partition(";")[0]
    if len(line) > LINE_MAX:
        about = line.startswith(f"{word};")
        return f"{word};ERROR;a line of more than {LINE_MAX} bytes" if about else None
    if not ANSWERS[word].match(line):
        return None
    seconds = _SECONDS.match(line)
    if seconds and len(seconds[1]) > NUMBER_MAX:
        return f"{word};ERROR;a number of {len(seconds[1])} digits"
    return line if len(line) <= REASON_MAX else line[:REASON_MAX] + " (cut off)"


def is_another(line: str, asked: str) -> bool:
    """Is this line the answer to a question of another program, or an answer without its begin?"""
    word = asked.partition(";")[0]
    other = _KNOWN.match(line) and not line.startswith(f"{word};")
    return bool(other or (";" in line and _TAIL.match(line)))


def fields(answer: str) -> tuple[str, int | None]:
    """Return (word, seconds or None) of an answer such as "#TOKEN;VALID;86400"."""
    words = answer.strip(";").split(";")
    if len(words) < 2:
        return words[0], None
    if len(words) < 3 or not (words[2].isascii() and words[2].isdecimal()):
        return words[1], None
    return (words[1], int(words[2])) if len(words[2]) <= NUMBER_MAX else ("ERROR", None)
