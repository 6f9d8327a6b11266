"""Makes texts from outside fit for a terminal and a report: no keys, no control characters."""

from tools.plain import visible

WINDOW = 16  # hexadecimal digits in a row by which a key is recognised
HIDDEN = "(hidden)"


class Cleaner:
    """Makes texts visible and hides a key: the whole key, or WINDOW digits of the key in a row."""

    def __init__(self, key: bytes) -> None:
        digits = key.hex()
        self._parts = {digits[at : at + WINDOW] for at in range(len(digits) - WINDOW + 1)}

    def __call__(self, text: str) -> str:
        """Return a clean text."""
        text = visible(text)
        lower = text.lower()
        if len(lower) != len(text):  # a letter outside ASCII with two small letters
            text = lower
        found, at, kept = [], 0, 0
        while at <= len(lower) - WINDOW:
            if lower[at : at + WINDOW] not in self._parts:
                at += 1
                continue
            end = at + WINDOW
            while end < len(lower) and lower[end - WINDOW + 1 : end + 1] in self._parts:
                end += 1
            found += [text[kept:at], HIDDEN]
            at = kept = end
        return "".join([*found, text[kept:]])
