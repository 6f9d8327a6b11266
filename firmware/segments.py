"""Four 7-segment digits on a TM1637, driven by the library micropython-tm1637.

That library does not look at the chip's acknowledge, so nobody notices a display that is missing
or that lost its supply. Everything is sent anew now and then: one that comes back shows the truth.
"""

from time import ticks_diff

_AGAIN_MS = 60_000
_UNKNOWN = 0x08  # an underscore, for what seven segments cannot show


class Segments:
    """`chip`: a tm1637.TM1637."""

    def __init__(self, chip):
        self._chip = chip
        self._glass = None
        self._sent = 0

    def show(self, panel, now):
        """Put what the panel says on the glass; return milliseconds until it is to be called
        again though nothing happened.
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
