"""`time` of the RP2040 port, on the simulated world.

The port counts seconds from 1970, and the ticks wrap at 2**30; both start anew with the MCU.
"""

from tools.sim.mcu.pins import _Port
from tools.sim.parts import date_of, day_number

_PERIOD = 1 << 30
_HALF = _PERIOD >> 1
_START = 1_609_459_200  # 2021-01-01: the port's clock at start


class _Clock:
    """Offset added to the clock by `RTC.datetime` since the MCU's start."""

    offset = 0
    since = None


def set_clock(seconds):
    """Set `time()`: for RTC.datetime."""
    world = _Port.world
    _Clock.offset = seconds - _START - (world.now - world.booted) // 1_000_000
    _Clock.since = world.booted


def sleep(seconds):
    """Let simulated seconds (a float) pass."""
    _Port.world.sleep(max(int(seconds * 1_000_000), 0))


def sleep_ms(ms):
    """Let simulated milliseconds pass."""
    _Port.world.sleep(max(ms, 0) * 1_000)


def sleep_us(us):
    """Let simulated microseconds pass, unless the port takes so few for none."""
    _Port.world.sleep(us if us >= _Port.chip.shortest_sleep and us > 0 else 0)


def ticks_ms():
    """Return the milliseconds since the MCU's start, wrapped."""
    world = _Port.world
    world.glance()
    return (world.now - world.booted) // 1_000 & (_PERIOD - 1)


def ticks_us():
    """Return the microseconds since the MCU's start, wrapped."""
    world = _Port.world
    world.glance()
    return world.now - world.booted & (_PERIOD - 1)


ticks_cpu = ticks_us


def ticks_add(ticks, delta):
    """Return the ticks `delta` after `ticks`; OverflowError from half a period on."""
    if not -_HALF < delta < _HALF:
        raise OverflowError("ticks interval overflow")
    return ticks + delta & (_PERIOD - 1)


def ticks_diff(later, earlier):
    """Return `later` - `earlier`, right for spans below half a period."""
    return (later - earlier + _HALF & (_PERIOD - 1)) - _HALF


def time():
    """Return the seconds since 1970 by the MCU's own clock, not battery-backed."""
    world = _Port.world
    offset = _Clock.offset if _Clock.since == world.booted else 0
    return _START + offset + (world.now - world.booted) // 1_000_000


def time_ns():
    """Return the nanoseconds since 1970 by the MCU's own clock."""
    world = _Port.world
    return time() * 1_000_000_000 + (world.now - world.booted) % 1_000_000 * 1_000


def gmtime(seconds=None):
    """Return (year, month, day, hour, minute, second, weekday, day of the year)."""
    if seconds is None:
        seconds = time()
    days, rest = divmod(int(seconds), 86_400)
    year, month, day = date_of(days)
    in_year = days - day_number(year, 1, 1) + 1
    return (year, month, day, rest // 3600, rest // 60 % 60, rest % 60, (days + 3) % 7, in_year)


localtime = gmtime


def mktime(fields):
    """Return the seconds since 1970 of (year, month, day, hour, minute, second, …)."""
    year, month, day, hour, minute, second = fields[:6]
    year += (month - 1) // 12
    days = day_number(year, (month - 1) % 12 + 1, 1) + day - 1
    return days * 86_400 + hour * 3_600 + minute * 60 + second
