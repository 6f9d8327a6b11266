"""A simulated board: the chips named in a data module of `board/`, wired accordingly."""

from tools.seconds import DAY
from tools.sim.chips.at24c32 import At24c32
from tools.sim.chips.ds3231 import Ds3231
from tools.sim.chips.flash import SECTORS, Flash
from tools.sim.chips.hd44780 import Backpack, Hd44780
from tools.sim.chips.keypad import Keypad, Watch
from tools.sim.chips.supply import Supply
from tools.sim.chips.tm1637 import CLK, DIO, Tm1637
from tools.sim.mcu import machine, pins
from tools.sim.mcu.i2c import Bus
from tools.sim.parts import Steps

SOLD = (25 * 365 + 7) * DAY  # 2025-01-01 in seconds since 2000: time on a new unit's clock


class Board:
    """The chips of a board and the supply.

    Parts that the board lacks are None: `keypad`, `display` and `digits` (both with `lines()`),
    `clock`, `eeprom`, `nvs`, `bus`. `watches`: name -> Watch, always with "load"; `chip`: one of
    mcu/kinds.py, None for an RP2040; `sectors`: of flash, 4096 bytes each.
    """

    def __init__(self, world, data, chip=None, sectors=SECTORS):
        self.world = world
        self.power = False
        self.powered_at = 0
        self.steps = Steps(self.power_off)
        self.flash = Flash(self.steps, self._stall, sectors)
        self.watches = {}
        self.keypad = self.display = self.backpack = self.digits = None
        self.clock = self.eeprom = self.nvs = None
        bus = self.bus = self._wire_bus(data)
        machine.install(world, [bus] if bus else [], chip)
        for name in ("LOAD", "LED_GREEN", "LED_RED", "BUZZER"):
            self._wire_watch(name.lower(), getattr(data, name, None))
        self._wire_keypad(getattr(data, "KEYPAD", None))
        self._wire_digits(getattr(data, "TM1637", None))
        if hasattr(data, "NVS"):
            from tools.sim.chips.nvs import Partition

            self.nvs = Partition(self.steps)
        self.supply = Supply(lambda: self.load)
        for name in Supply.PINS:
            self._wire_supply(name, getattr(data, name, None))

    # --- the supply ----------------------------------------------------------------------

    def power_on(self):
        """Turn the supply on; the runner starts the MCU."""
        self.power = True
        self.powered_at = self.world.now
        for chip in self._supplied():
            chip.power_on()
        machine.power_on()

    def power_off(self):
        """Turn the supply off: MCU and display forget everything at once."""
        if not self.power:
            return
        self.power = False
        self.world.stop("power")
        for chip in self._supplied():
            chip.power_off()
        pins.reset()

    @property
    def load(self):
        """Does the load pin switch the load on?"""
        return self.watches["load"].on

    @property
    def lit(self):
        """Does a display shine: the backlight, or the digits?"""
        if self.backpack is not None:
            return self.backpack.backlight
        return self.digits is not None and self.digits.brightness is not None

    def glass(self):
        """Return the text on the displays: lines without trailing blanks."""
        lines = []
        for display in (self.display, self.digits):
            if display is not None and self.power:
                lines += [line.rstrip() for line in display.lines()]
        return "\n".join(lines)

    # --- wiring --------------------------------------------------------------------------

    def _now(self):
        return self.world.now

    def _stall(self, duration):
        self.world.stall(duration)

    def _supplied(self):
        chips = (self.display, self.backpack, self.digits, self.clock, self.eeprom)
        return [chip for chip in chips if chip is not None]

    def _wire_bus(self, data):
        wires = getattr(data, "I2C", None)
        if wires is None:
            return None
        bus = Bus(wires["sda"], wires["scl"])
        lcd = getattr(data, "LCD", None)
        if lcd is not None:
            self.display = Hd44780(self._now)
            self.backpack = Backpack(self.display, lcd["address"])
            bus.add(self.backpack)
        clock = getattr(data, "CLOCK", None)
        if clock is not None and clock["chip"] is not None:
            if clock["chip"] == "ds1307":  # sold with its oscillator halted
                from tools.sim.chips.ds1307 import Ds1307

                self.clock = Ds1307(self._now)
            else:
                self.clock = Ds3231(self._now)
                self.clock.setup(SOLD)
            bus.add(self.clock)
        eeprom = getattr(data, "EEPROM", None)
        if eeprom is not None:
            self.eeprom = At24c32(self._now, self.steps, **eeprom)
            bus.add(self.eeprom)
        return bus

    def _wire_watch(self, name, wire):
        if wire is not None:
            watch = Watch(self._now, wire["active"])
            self.watches[name] = watch
            pins.attach(wire["pin"], watch, 0)

    def _wire_supply(self, name, wire):
        if wire is not None:
            pin = wire[Supply.PINS[name]]
            pins.attach(pin, self.supply, self.supply.end(name, wire))
            self.supply.changed.append(lambda: pins.touched((pin,)))

    def _wire_digits(self, wires):
        if wires is not None:
            self.digits = Tm1637(self._now)
            pins.attach(wires["clk"], self.digits, CLK)
            pins.attach(wires["dio"], self.digits, DIO)

    def _wire_keypad(self, wires):
        if wires is None:
            return
        self.keypad = Keypad(wires["keys"])
        ends = list(wires["rows"] or (None,)) + list(wires["columns"])
        for end, pin in enumerate(ends):
            if pin is None:  # a row of buttons to ground
                self.keypad.drive(end, 0)
            else:
                pins.attach(pin, self.keypad, end)
        self.keypad.changed = lambda touched: pins.touched(
            [ends[end] for end in touched if ends[end] is not None]
        )
