"""The board's measurements: filtered analog inputs, in millivolts and milliamperes, and levels.

An input is an ADC behind a divider or behind a shunt's amplifier. Each value is read anew, without
memory: delays belong to the faults of firmware.load. `calibration` corrects the tolerances of one
unit's resistors and references; docs/load.md tells how to find the corrections.
"""

import json

_READS = 8  # per value; the highest and the lowest do not count
_FAST = 4  # per current, for currents are read often
_GAIN = (0.9, 1.1)  # lowest and highest plausible calibration


class Input:
    """Callable that returns thousandths of a unit (mV, mA), or None when out of range.

    `adc`: a machine.ADC; `scale`: value per millivolt at the pin; `lowest`, `highest`: plausible
    range, None for no limit; `gain`, `offset`: the unit's calibration; `reads`: ADC readings per
    value, at least 3.
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
        try:
            total = least = most = read()
            for _ in range(reads - 1):
                value = read()
                total += value
                if value < least:
                    least = value
                elif value > most:
                    most = value
        except OSError:  # an ESP32 without calibration in its fuses; its raw values are 10 % off
            return None
        value = (total - least - most) / (reads - 2) * self._scale + self._offset
        lowest, highest = self._bounds
        if (lowest is not None and value < lowest) or (highest is not None and value > highest):
            return None
        return int(value + 0.5)


def voltage(adc, wiring, lowest, highest, calibration):
    """Return an Input for a voltage (mV).

    `wiring["divider"]`: ohms from the voltage to the pin, ohms from the pin to ground.
    """
    top, bottom = wiring["divider"]
    gain, offset = calibration
    return Input(adc, (top + bottom) / bottom, lowest, highest, gain, offset)


def current(adc, wiring, calibration):
    """Return an Input for a current (mA).

    `wiring`: `shunt_mohm`; `gain` of the amplifier; `limit_ma`; `zero_mv` at 0 A, if not 0. There
    is no upper bound: a high reading is an overload, not a sensor fault.
    """
    scale = 1000 / (wiring["shunt_mohm"] * wiring["gain"])
    gain, offset = calibration
    offset -= wiring.get("zero_mv", 0) * scale * gain
    return Input(adc, scale, -wiring["limit_ma"] // 10, None, gain, offset, _FAST)


def level(pin, active):
    """Return a function like `pin` (a machine.Pin) in which 1 stands for the level `active`."""
    if active:
        return pin
    return lambda *on: pin(*[1 - value for value in on]) if on else 1 - pin()


def calibration(files, name):
    """Return (gain, offset in mV or mA) of an input of this unit; (1.0, 0) if not usable.

    `files`: firmware.media.Files with the JSON file "calibration": {"BATTERY": [1.013, -20], …};
    `name`: the input's name in the board file.
    """
    try:
        gain, offset = json.loads(files.read("calibration", 0) or b"{}")[name]
        if _GAIN[0] <= gain <= _GAIN[1]:
            return gain, offset + 0
    except (ValueError, KeyError, TypeError):
        pass
    return 1.0, 0
