"""What a board senses: filtered readings of analog inputs, in millivolts and milliamperes; levels.

An input is an ADC behind a divider or behind the amplifier of a shunt. Each value stands for the
moment it was read and for none before: how long one must hold is for the faults to say, and to
keep. `calibration` corrects what resistors and references of one unit are off; docs/load.md says
how it is found.
"""

import json

_READS = 8  # for one value; the highest and the lowest do not count
_FAST = 4  # for a current, which is asked for often
_GAIN = (0.9, 1.1)  # what a calibration may be; the rest is a fault of the unit


class Input:
    """Call it for a value in thousandths of its unit, or None when that is out of range.

    adc: a machine.ADC. scale: value per millivolt at the pin. lowest, highest: what can be;
    None for no such bound. gain, offset: the unit's calibration. reads: how many make a value.
    """

    def __init__(
        self,
        adc,
        scale,
        lowest=None,
        highest=None,
        gain=1.0,
        offset=0,
        reads=_READS,
    ):
        if hasattr(adc, "read_uv"):  # ESP32: corrected by the chip's own calibration
            self._read = adc.read_uv
            scale /= 1000
        else:
            self._read = adc.read_u16
            scale *= 3300 / 65535
        self._scale = scale * gain
        self._offset = offset
        self._bounds = lowest, highest
        self._reads = reads

    def __call__(self):
        read, reads = self._read, self._reads
        total = least = most = read()
        for _ in range(reads - 1):
            value = read()
            total += value
            if value < least:
                least = value
            elif value > most:
                most = value
        value = (total - least - most) / (reads - 2) * self._scale + self._offset
        lowest, highest = self._bounds
        if (lowest is not None and value < lowest) or (highest is not None and value > highest):
            return None
        return int(value + 0.5)


def voltage(adc, wiring, lowest, highest, calibration):
    """Input for a voltage (mV). wiring["divider"]: ohms to the voltage, ohms to ground."""
    top, bottom = wiring["divider"]
    gain, offset = calibration
    return Input(adc, (top + bottom) / bottom, lowest, highest, gain, offset)


def current(adc, wiring, calibration):
    """Input for a current (mA). wiring: shunt_mohm, gain of the amplifier, zero_mv at 0 A if any.

    Too high is never out of range: it is too much current.
    """
    scale = 1000 / (wiring["shunt_mohm"] * wiring["gain"])
    gain, offset = calibration
    offset -= wiring.get("zero_mv", 0) * scale * gain
    return Input(adc, scale, -wiring["limit_ma"] // 10, None, gain, offset, _FAST)


def level(pin, active):
    """Function like `pin`, a machine.Pin, but for 1 as its active level `active`."""
    if active:
        return pin
    return lambda *on: pin(*[1 - value for value in on]) if on else 1 - pin()


def calibration(files, name):
    """(gain, offset in mV or mA) of one input of this unit; (1.0, 0) without a usable one.

    `files`: firmware.media.Files, whose "calibration" is JSON: {"BATTERY": [1.013, -20], …}.
    """
    try:
        gain, offset = json.loads(files.read("calibration", 0) or b"{}")[name]
        if _GAIN[0] <= gain <= _GAIN[1]:
            return gain, offset + 0
    except (ValueError, KeyError, TypeError):
        pass
    return 1.0, 0
