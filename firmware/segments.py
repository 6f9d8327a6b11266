"""Four 7-segment digits on a TM1637, driven by the library micropython-tm1637.

The library ignores the chip's acknowledge, and a missing display goes unnoticed. The text is
therefore sent again every minute, for a display that lost power and came back.
"""

from time import ticks_diff

_AGAIN_MS = 60_000
_UNKNOWN = 0x08  # an underscore, for characters that seven segments cannot show


class Segments:
    """Shows the panel's text. `chip`: a tm1637.TM1637."""

    def __init__(self, chip):
        self._chip = chip
        self._glass = None
        self._sent = 0

    def show(self, panel, now):
        """Show the panel's text; return milliseconds until the next call, if nothing changes
        before.

        `panel.segments(now)`: (text of four characters, milliseconds until the text moves or
        None); `now`: ticks_ms.
        """
        text, moves = panel.segments(now)
        if text != self._glass or ticks_diff(now, self._sent) >= _AGAIN_MS:
            self._glass, self._sent = text, now
            self._chip.write(bytes([self._pattern(character) for character in text]))
        return _AGAIN_MS if moves is None else moves

    def _pattern(self, character):
        try:
            return self._chip.encode_char(character)
        except ValueError:
            return _UNKNOWN
