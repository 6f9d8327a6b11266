"""`machine` of the RP2040 port, on the simulated world, with the ESP32 port's differences.

Call `install(world, buses)` and make this module `sys.modules["machine"]` before the firmware
imports `machine`.
"""

import sys
from binascii import unhexlify

from tools.sim.chips.analog import ADC, PWM
from tools.sim.mcu import i2c as _i2c
from tools.sim.mcu import pins as _pins
from tools.sim.mcu.i2c import I2C, SoftI2C
from tools.sim.mcu.pins import Pin, Signal, _Port
from tools.sim.parts import ChipError
from tools.sim.world import NEVER

PWRON_RESET = 1
WDT_RESET = 3

__all__ = ("ADC", "I2C", "PWM", "RTC", "UART", "WDT", "Pin", "Signal", "SoftI2C", "Timer")


class _State:
    """State, other than the pins', that survives a soft reset."""

    cause = PWRON_RESET
    clock = 125_000_000  # Hz
    watchdog = None
    bitten = False  # by the watchdog: this is the next reset's cause
    blame = None
    board_id = b"SIMULATE"


def install(world, buses=(), chip=None):
    """Start a new board in `world` with these I2C buses; `chip` is one of kinds.py."""
    _pins.install(world, chip)
    _i2c.install(buses)
    power_on()


def power_on():
    """Leave a power-on reset: for the runner."""
    _leave_reset(PWRON_RESET)


def after_reset(watchdog=False):
    """Leave a reset by `reset` or by the watchdog: for the runner.

    `watchdog`: by a watchdog that this module does not know.
    """
    cause = _Port.chip.causes["watchdog" if watchdog or _State.bitten else "reset"]
    _leave_reset(cause, _Port.chip.keeps_levels)


def after_soft_reset(cause=None):
    """Restart the interpreter: for the runner. Pins and watchdog keep their state.

    `cause`: of the life before, unless this module knows.
    """
    _State.cause = _Port.chip.causes.get("soft", cause or _State.cause)
    _pins.reset(irqs_only=True)


def _leave_reset(cause, held=False):
    _State.cause = cause
    _State.bitten = False
    _State.clock = 125_000_000
    _State.watchdog = None
    _pins.reset(held=held)


def name_board(board_id):
    """Give the board an id, in hex."""
    _State.board_id = unhexlify(board_id)


def unique_id():
    """Return the id of the board: of the flash chip (rp2), or the MAC address (esp32)."""
    return _State.board_id


def reset():
    """Reset the MCU; does not return. An error that led here is kept for `take_blame`."""
    error = sys.exc_info()[1]
    if isinstance(error, KeyboardInterrupt) and not _Port.world.has_prompt:
        raise error  # meant for the simulator, not for the board
    if isinstance(error, (Exception, ChipError)):
        _State.blame = error
    _Port.world.halt("reset")


def take_blame():
    """Return, once, the error handled during the last `reset`: for the runner."""
    error, _State.blame = _State.blame, None
    return error


def soft_reset():
    """Restart the interpreter; pins keep their levels."""
    raise SystemExit()


def reset_cause():
    """Return PWRON_RESET or WDT_RESET; an ESP32 has also 2 (`reset`) and 5 (soft reset)."""
    return _State.cause


def bootloader(timeout=0):
    """Raise ChipError: a unit in the boot loader is off the bench."""
    raise ChipError("the boot loader is not modelled")


def freq(hz=None, peripheral=None):
    """Return or set the clock (Hz)."""
    if hz is None:
        return _State.clock
    if not 10_000_000 <= hz <= 270_000_000:
        raise ValueError("cannot change frequency")
    _State.clock = hz


def disable_irq():
    """Hold interrupts back; return the state for `enable_irq`."""
    return _Port.world.mask()


def enable_irq(state):
    """Restore a state returned by `disable_irq`."""
    _Port.world.unmask(state)


def idle():
    """Wait for an interrupt, a millisecond at most."""
    _Port.world.sleep(1_000)


def lightsleep(time_ms=None):
    """Sleep for `time_ms`; refused without a time, for the port would never wake by itself."""
    if time_ms is None:
        raise ChipError("lightsleep() without a time would sleep for ever")
    _Port.world.sleep(time_ms * 1_000)


def deepsleep(time_ms=None):
    """Sleep, then reset."""
    lightsleep(time_ms)
    reset()


class Timer:
    """A timer, with the ids of the chip's port.

    The rp2 port stops a timer that no variable holds (`ports/rp2/machine_timer.c`: a finaliser and
    no root pointer); the esp32 port keeps a list of its timers. Under MicroPython this model never
    stops a timer by itself, because MicroPython calls no `__del__` of a class written in Python.
    """

    ONE_SHOT = 0
    PERIODIC = 1
    _alarm = None

    def __init__(self, id=-1, **kwargs):
        if id not in _Port.chip.timers:
            raise ValueError("Timer doesn't exist")
        self._alarm = _Alarm()
        if kwargs:
            self.init(**kwargs)

    def init(
        self,
        *,
        mode=PERIODIC,
        callback=None,
        period=0xFFFFFFFF,
        tick_hz=1000,
        freq=None,
        hard=False,
    ):
        """Call `callback(None)` after `period` / `tick_hz` seconds, or `freq` times a second.

        The ports pass the timer itself, which would keep the timer here.
        """
        self.deinit()
        if mode not in (self.ONE_SHOT, self.PERIODIC):
            raise ValueError("invalid mode")
        delta = int(1_000_000 / freq) if freq else period * 1_000_000 // tick_hz
        self._alarm.start(max(delta, 1), mode == self.PERIODIC, callback)

    def deinit(self):
        """Stop."""
        _Port.world.check()
        self._alarm.stop()

    def __del__(self):
        if self._alarm is not None and not _Port.chip.keeps_timers:
            self._alarm.stop()


class _Alarm:
    """What happens when a timer is due. The world holds this object, not the timer."""

    _event = None

    def start(self, delta, periodic, callback):
        self._delta, self._periodic, self._callback = delta, periodic, callback
        self._world = _Port.world
        self._due = self._world.now + delta
        self._event = self._world.at(self._due, self._fire, True)

    def stop(self):
        if self._event is not None:
            self._world.cancel(self._event)
            self._event = None

    def _fire(self):
        self._event = None
        if self._periodic:
            self._due += self._delta
            self._event = self._world.at(self._due, self._fire, True)
        if self._callback is not None:
            self._world.interrupt(self._callback, None)


class WDT:
    """The watchdog: at most 8388 ms, cannot be stopped, outlives a soft reset."""

    LONGEST = 8388  # ms: 24 bits of half microseconds

    def __init__(self, id=0, timeout=5000):
        if id != 0:
            raise ValueError("WDT(%s) doesn't exist" % id)
        if not 0 < timeout <= self.LONGEST:
            raise ValueError("timeout exceeds 8388")
        _Port.world.check()
        dog = _State.watchdog
        if dog is None:
            dog = _State.watchdog = _Dog()
        dog.timeout = timeout * 1_000
        dog.feed()

    def feed(self):
        """Postpone the reset."""
        _State.watchdog.feed()


class _Dog:
    """Watchdog event in the world. The event is moved only when about to fire:
    feeding is cheap.
    """

    def __init__(self):
        self.timeout = 0
        self._deadline = NEVER
        self._due = NEVER
        self._event = None

    def feed(self):
        world = _Port.world
        world.check()
        self._deadline = world.now + self.timeout
        if self._due > self._deadline:
            if self._event is not None:
                world.cancel(self._event)
            self._wait()

    def _wait(self):
        self._due = self._deadline
        self._event = _Port.world.at(self._due, self._look, True)

    def _look(self):
        if self._deadline > _Port.world.now:
            self._wait()
        else:
            _State.bitten = True
            _Port.world.halt("watchdog")


class RTC:
    """The MCU's own clock: at 2021-01-01 after each reset, no battery."""

    _offset = 0

    def datetime(self, new=None):
        """Return or set (year, month, day, weekday, hour, minute, second, subsecond)."""
        from tools.sim.mcu import time

        if new is None:
            year, month, day, hour, minute, second, weekday, _ = time.gmtime()
            return (year, month, day, weekday, hour, minute, second, 0)
        year, month, day, _, hour, minute, second, _ = new
        time.set_clock(time.mktime((year, month, day, hour, minute, second, 0, 0)))


class UART:
    """A serial port on checked pins, without a wire."""

    def __init__(self, id, baudrate=115_200, *, tx, rx, **kwargs):
        tx, rx = _pins._find(tx), _pins._find(rx)
        _Port.chip.uart(id, tx.id, rx.id)
        self._pins = (tx._claim("UART"), rx._claim("UART"))
