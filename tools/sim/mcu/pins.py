"""GPIO of the simulated chip: `Pin` and `Signal` with the signatures of the RP2040's port.

Stricter than the port where the port would hide a fault: a pin must be configured before a read or
write, an input cannot be written, and an input without pull floats if nothing drives the wire.

A pin's wire is any object with `drive(end, level)` and a list `levels`, with the level of each end
as caused by the other ends. Levels are 0, 1 or None (not driven). A wire may also have `pull(end,
level)`, called when the pin's pull changes. `attach` solders a pin to a wire.
"""

from tools.sim.mcu.kinds import Rp2040
from tools.sim.parts import ChipError
from tools.sim.world import World

_ASK = object()
_OPEN = (None,)  # levels of an unwired pin
_PINS = {}


class _Port:
    """State common to all pins: the world and the chip."""

    world = World()
    chip = Rp2040()


def install(world, chip=None):
    """Start a new board in `world`: forget all pins and wires."""
    _Port.world = world
    _Port.chip = chip or Rp2040()
    _PINS.clear()


def warnings():
    """Return a line for each pin in use whose level at a reset has a special meaning."""
    lines = []
    for number in sorted(_PINS):
        decides = _Port.chip.strapped(number)
        if decides:
            lines.append("GPIO%d is a strapping pin: %s" % (number, decides))
    return lines


def attach(pin_id, wire, end):
    """Solder GPIO `pin_id` to `end` of `wire`."""
    pin = _find(pin_id)
    if pin._wire is not None:
        raise ChipError("GPIO%d is wired twice" % pin_id)
    pin._wire = wire
    pin._end = end
    pin._levels = wire.levels
    pin._drive = wire.drive
    pin._pull(pin._rest)


def reset(irqs_only=False, held=False):
    """Reset the pins with the MCU; a soft reset (`irqs_only`) clears the interrupts only.

    `held`: the program must configure the pins anew; until then the wires are driven as before.
    """
    for pin in _PINS.values():
        pin._handler = None
        pin._trigger = 0
        if held:
            pin._hold()
        elif not irqs_only:
            pin._reset()


def touched(pin_ids):
    """Look for edges on these pins: their levels may have changed from outside."""
    for pin_id in pin_ids:
        pin = _PINS[pin_id]
        if pin._trigger:
            pin._look()


def _nothing(end, level):
    """Drive an unwired pin."""


def _find(name):
    if isinstance(name, Pin):
        return name
    if isinstance(name, str):
        number = _Port.chip.names.get(name, -1)
        if name.startswith("GP") and name[2:].isdigit():
            number = int(name[2:])
        if not _Port.chip.has(number):
            raise ValueError('unknown named pin "%s"' % name)
    elif isinstance(name, int) and _Port.chip.has(name):
        number = name
    else:
        raise ValueError("invalid pin")
    return Pin(number)


class Pin:
    """One GPIO; `Pin(4)` is the same object each time."""

    IN = 0
    OUT = 1
    OPEN_DRAIN = 2
    ALT = 3
    PULL_UP = 1
    PULL_DOWN = 2
    IRQ_FALLING = 4
    IRQ_RISING = 8
    ALT_SPI = 1
    ALT_UART = 2
    ALT_I2C = 3
    ALT_PWM = 4
    ALT_SIO = 5
    ALT_PIO0 = 6
    ALT_PIO1 = 7

    def __new__(cls, id, *args, **kwargs):
        if isinstance(id, int) and id in _PINS:
            return _PINS[id]
        if not isinstance(id, int) or not _Port.chip.has(id):
            return _find(id)
        pin = super().__new__(cls)
        _PINS[id] = pin
        pin.id = id
        pin._wire = None
        pin._end = 0
        pin._levels = _OPEN
        pin._drive = _nothing
        pin._handler = None
        pin._trigger = 0
        pin._clear()
        return pin

    def __init__(self, id, mode=_ASK, pull=_ASK, *, value=None, alt=5):
        if mode is not _ASK or pull is not _ASK or value is not None:
            self.init(None if mode is _ASK else mode, pull, value=value, alt=alt)

    def __repr__(self):
        return "Pin(GPIO%d)" % self.id

    def init(self, mode=None, pull=_ASK, *, value=None, alt=5):
        """Configure; as on the port, an omitted `pull` removes the pull, or (ESP32) leaves it."""
        _Port.world.check()
        if mode is not None and mode not in (self.IN, self.OUT, self.OPEN_DRAIN, self.ALT):
            raise ValueError("invalid pin mode")
        if mode is None and self._mode is None:
            raise ChipError("%r has no mode yet" % self)
        if pull is _ASK and not _Port.chip.keeps_pulls:
            pull = None
        pulled = pull is not _ASK and bool(pull)
        _Port.chip.configure(self.id, mode in (self.OUT, self.OPEN_DRAIN), pulled)
        if pull is not _ASK:
            self._pull({None: None, 0: None, self.PULL_UP: 1, self.PULL_DOWN: 0}[pull])
        if mode is not None:
            self._mode = mode
            if mode == self.OPEN_DRAIN and value is None:
                value = 1
        if value is not None:
            self._out = 1 if value else 0
        self._put()
        if self._trigger:
            self._look()

    def value(self, x=_ASK):
        """Read the pin, or set it."""
        mode = self._mode
        if x is _ASK:
            if mode == 1:
                return self._out
            if mode == 0 or mode == 2:
                level = self._levels[self._end]
                if level is None:
                    level = self._rest
                if level is not None:
                    return level
            return self._unreadable()
        level = 1 if x else 0
        if mode == 1:
            if level != self._out:
                self._out = level
                self._drive(self._end, level)
        elif mode == 2:
            if level != self._out:
                self._out = level
                self._drive(self._end, None if level else 0)
        else:
            self._unwritable()

    __call__ = value

    def on(self):
        """Set to 1."""
        self.value(1)

    def off(self):
        """Set to 0."""
        self.value(0)

    high = on
    low = off

    def toggle(self):
        """Invert the output."""
        self.value(1 - self._out)

    def irq(self, handler=_ASK, trigger=IRQ_FALLING | IRQ_RISING, hard=False):
        """Call `handler(pin)` on edges; None removes the handler."""
        _Port.world.check()
        if handler is not _ASK:
            if trigger & ~(self.IRQ_FALLING | self.IRQ_RISING):
                raise ValueError("invalid trigger")
            if handler is not None and self._mode is None:
                raise ChipError("%r has no mode yet" % self)
            self._handler = handler
            self._trigger = trigger if handler is not None else 0
            self._flags = 0
            if self._trigger:
                self._seen = self._level()
        return _Irq(self)

    # --- below the surface ---------------------------------------------------------------

    def _clear(self):
        self._mode = None
        self._held = False
        self._pull(_Port.chip.pull(self.id))
        self._out = 0
        self._seen = None
        self._flags = 0

    def _hold(self):
        self._held = self._held or self._mode is not None
        self._mode = None

    def _reset(self):
        was_driving = self._held or self._mode is not None
        self._clear()
        if was_driving:
            self._drive(self._end, None)

    def _pull(self, level):
        """Set the pull: 0, 1 or None."""
        self._rest = level
        if hasattr(self._wire, "pull"):
            self._wire.pull(self._end, level)

    def _put(self):
        """Drive the wire according to mode and output."""
        level = None
        if self._mode == self.OUT or (self._mode == self.OPEN_DRAIN and not self._out):
            level = self._out
        self._drive(self._end, level)

    def _unwritable(self):
        _Port.world.check()
        raise ChipError("%r is no output, yet it is written" % self)

    def _unreadable(self):
        _Port.world.check()
        if self._mode is None:
            raise ChipError("%r is read before it is configured" % self)
        if self._mode == self.ALT:
            raise ChipError("%r belongs to a peripheral, yet it is read" % self)
        raise ChipError("%r floats: no pull, nothing drives it" % self)

    def _level(self):
        if self._mode == self.OUT:
            return self._out
        level = self._levels[self._end]
        return self._rest if level is None else level

    def _look(self):
        level = self._level()
        seen = self._seen
        if level == seen:
            return
        self._seen = level
        edge = self.IRQ_RISING if level else self.IRQ_FALLING
        if self._trigger & edge:
            self._flags = edge
            _Port.world.interrupt(self._handler, self)

    def _claim(self, function):
        """Give the pin to a peripheral."""
        _Port.world.check()
        _Port.chip.configure(self.id, False, False)
        self._mode = self.ALT
        self._pull(None)
        return self


class _Irq:
    """Result of `Pin.irq`."""

    def __init__(self, pin):
        self._pin = pin

    def flags(self):
        """Return the edge that called the handler last."""
        return self._pin._flags

    def trigger(self, new=_ASK):
        """Return the edges that call the handler; change them if `new` is given."""
        old = self._pin._trigger
        if new is not _ASK:
            self._pin._trigger = new
        return old


class Signal:
    """A pin with the active level taken out: `on()` is active."""

    def __init__(self, pin, *args, invert=False, **kwargs):
        self._pin = pin if isinstance(pin, Pin) and not args and not kwargs else None
        if self._pin is None:
            self._pin = Pin(pin, *args, **kwargs)
        self._invert = 1 if invert else 0

    def value(self, x=_ASK):
        """Read or set the logical level."""
        if x is _ASK:
            return self._pin.value() ^ self._invert
        self._pin.value((1 if x else 0) ^ self._invert)

    def __call__(self, x=_ASK):
        return self.value(x)

    def on(self):
        """Set the active level."""
        self.value(1)

    def off(self):
        """Set the inactive level."""
        self.value(0)
