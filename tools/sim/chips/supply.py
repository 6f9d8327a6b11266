"""Battery, solar panel and appliance, as seen through dividers, shunt amplifier and protection
chip.

`Supply` is the wire of all measuring pins. Board data describes the circuit between each pin and
the world.
"""

FULL = 3_300  # mV, an analog input's full scale


class Supply:
    """The supply's state, in attributes that may change at any time: KNOBS.

    `battery`, `solar`: mV; `current`: mA drawn by the appliance when powered; `noise`: mV,
    greatest error of a reading at the pin; `bridge`: a wire across the load switch; `short`: the
    protection chip reports a short; `sensed`: False when the output's sense wire is cut.
    """

    KNOBS = ("battery", "solar", "current", "noise", "bridge", "short", "sensed")
    PINS = {"BATTERY": "adc", "SOLAR": "adc", "CURRENT": "adc", "OUTPUT": "pin", "FAULT": "pin"}

    def __init__(self, load_is_on):
        self.battery = 12_600
        self.solar = 18_000
        self.current = 500
        self.noise = 0
        self.bridge = self.short = 0
        self.sensed = 1
        self.levels = _Levels(self._level)
        self.changed = []  # called when `turn` changed something: the MCU looks for edges
        self._load_is_on = load_is_on
        self._wirings = []  # (name, wiring) of each end
        self._random = 1

    def turn(self, knob, value):
        """Change one of KNOBS."""
        setattr(self, knob, value)
        for tell in self.changed:
            tell()

    def end(self, name, wiring):
        """Return the number of a new end: `name` and dictionary of a pin in the board's data."""
        self._wirings.append((name, wiring))
        return len(self._wirings) - 1

    def drive(self, end, level):
        """Ignore the MCU driving a measuring pin: the circuit is stronger."""

    def volts(self, end):
        """Return the voltage at an analog pin."""
        name, wiring = self._wirings[end]
        if name == "CURRENT":
            flows = self.current if self._load_is_on() else 0
            millivolts = flows * wiring["shunt_mohm"] * wiring["gain"] / 1000
            millivolts += wiring.get("zero_mv", 0)
        else:
            top, bottom = wiring["divider"]
            source = self.battery if name == "BATTERY" else self.solar
            millivolts = source * bottom / (top + bottom)
        return min(max(millivolts + self._noise(), 0), FULL) / 1000

    def _level(self, end):
        name, wiring = self._wirings[end]
        if name == "FAULT":  # an open drain
            return wiring["active"] if self.short else None
        live = self.sensed and (self.bridge or self._load_is_on())
        return wiring["active"] if live else 1 - wiring["active"]

    def _noise(self):
        self._random = (self._random * 1_103_515_245 + 12_345) & 0x7FFFFFFF
        return (self._random / 0x3FFFFFFF - 1) * self.noise


class _Levels:
    """Levels of the ends, computed at each access."""

    def __init__(self, level):
        self._level = level

    def __getitem__(self, end):
        return self._level(end)
