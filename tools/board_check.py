"""Checks a board file: names, values and pins, by the rules of the chip.

A board file is data: assignments of literals (docs/load.md, CONTRIBUTING.md). It is read, never
run. The pin rules are those of tools.sim.mcu.kinds.
"""

import ast
import difflib
import reprlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click

from tools.sim.mcu.kinds import CHIPS
from tools.sim.parts import ChipError

CLOCKS = ("ds3231", "ds1307", None)
CLOCK_ADDRESS = 0x68  # of both clock chips
WATCHDOG_MS = {"rp2040": (4_000, 8_388), "esp32": (4_000, 60_000)}  # fed every 3 s at the latest
GPIOS = {"rp2040": "GPIO0 to GPIO29", "esp32": "GPIO0 to 39 without 6 to 11, 20, 24 and 28 to 31"}
ADCS = {"rp2040": "GPIO26 to GPIO29", "esp32": "GPIO32 to GPIO39"}
CONSOLE = {"rp2040": {}, "esp32": {1: "TX", 3: "RX"}}  # UART0
RANGE_MV = {"rp2040": (0, 3_300), "esp32": (150, 3_000)}  # that each chip's ADC tells apart
LARGEST = 16_384  # bytes of a board file
WHOLE = "the file"  # as the place of a Problem


class Problem(NamedTuple):
    """A mistake, or (`warning`) a doubt: the place in the file, the value there, the remedy."""

    place: str
    value: object
    remedy: str
    warning: bool = False

    def __str__(self) -> str:
        try:
            value = "" if self.value is None else f" = {reprlib.repr(self.value)}"
        except ValueError:  # a whole number of thousands of digits
            value = " is too long"
        return f"{self.place}{value}: {self.remedy}"


class Pin(NamedTuple):
    """A pin that the file names. `use`: "out", "in", "pulled" (with a pull-up) or "adc"."""

    place: str
    number: object
    use: str


def check(path: Path, chip: str | None = None) -> list[Problem]:
    """Return all Problems of the board file `path`; `chip`: the chip that the file must be for.

    Raises OSError when the file cannot be read.
    """
    if path.stat().st_size > LARGEST:
        return [Problem(WHOLE, None, f"a board file has at most {LARGEST:,} bytes")]
    try:
        found, problems = _read(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        line, reason = None, str(error)
        if isinstance(error, SyntaxError):  # whose text repeats the line
            line, reason = error.lineno, error.msg
        return [Problem(f"line {line}" if line else WHOLE, None, f"this is not Python: {reason}")]
    if not found:
        return [Problem(WHOLE, None, "nothing is in it; begin with a copy of board/pico.py")]
    if not isinstance(found.get("CHIP"), str) or found["CHIP"] not in CHIPS:
        what = f"name the chip, one of {', '.join(CHIPS)}"
        return [*problems, Problem("CHIP", found.get("CHIP"), what)]
    if chip and found["CHIP"] != chip:
        problems.append(Problem("CHIP", found["CHIP"], f"this build is for {chip!r}"))
    return problems + list(_File(found).problems())


def values(path: Path) -> dict[str, Any]:
    """Return {name: value} of a board file that has been checked."""
    return _read(path.read_text(encoding="utf-8"))[0]


def show(path: Path, problems: list[Problem]) -> None:
    """Print a line for each problem to standard error."""
    for problem in problems:
        click.echo(f"{path}: {'warning: ' if problem.warning else ''}{problem}", err=True)


def _read(text: str) -> tuple[dict[str, Any], list[Problem]]:
    values, problems = {}, []
    lines: dict[str, list[int]] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        name = isinstance(node, ast.Assign) and len(node.targets) == 1 and node.targets[0]
        if not isinstance(name, ast.Name) or not isinstance(node, ast.Assign):
            right = "a board file is data: NAME = value, nothing else"
            problems.append(Problem(f"line {node.lineno}", None, right))
            continue
        lines.setdefault(name.id, []).append(node.lineno)
        try:
            values[name.id] = ast.literal_eval(node.value)
            problems += _twice(name.id, lines[name.id]) + _fields_twice(name.id, node.value)
        except (ValueError, TypeError):
            problems.append(Problem(name.id, None, "write the value as it is, without computing"))
    return values, problems


def _twice(place: str, lines: list[int]) -> list[Problem]:
    """Return a Problem if `place` is defined in several lines."""
    if len(lines) < 2:
        return []
    return [Problem(place, None, f"is defined twice, in lines {lines[-2]} and {lines[-1]}")]


def _fields_twice(name: str, value: ast.expr) -> list[Problem]:
    """Return a Problem for each field that a dictionary has several times."""
    lines: dict[object, list[int]] = {}
    for key in value.keys if isinstance(value, ast.Dict) else ():
        if isinstance(key, ast.Constant):
            lines.setdefault(key.value, []).append(key.lineno)
    return [problem for key in lines for problem in _twice(f'{name}["{key}"]', lines[key])]


def _whole(lowest: int, highest: int) -> Callable[[Any], str]:
    def wrong(value: Any) -> str:
        good = type(value) is int and lowest <= value <= highest
        return "" if good else f"a whole number from {lowest} to {highest}"

    return wrong


def _among(*known: object) -> Callable[[Any], str]:
    def wrong(value: Any) -> str:
        good = any(value == one and type(value) is type(one) for one in known)
        return "" if good else f"one of {', '.join(map(repr, known))}"

    return wrong


def _text(value: Any) -> str:
    return "" if isinstance(value, str) and 0 < len(value) < 16 else "a text of 1 to 15 characters"


def _divider(value: Any) -> str:
    good = isinstance(value, tuple) and len(value) == 2 and all(type(n) is int for n in value)
    return "" if good and min(value) > 0 else "(ohms to the voltage, ohms to ground)"


_SWITCH = {"pin": "out", "active": _among(0, 1)}
_LEVEL = {"pin": "level", "active": _among(0, 1)}
_ADDRESS = _whole(0x08, 0x77)
# Of each part: its fields, and how each is judged: by a function that returns what would be right,
# or as a pin with this use.
_PARTS: dict[str, dict[str, Any]] = {
    "LOAD": _SWITCH,
    "KEYPAD": {"rows": "out", "columns": "pulled", "keys": None},
    "I2C": {"id": _among(0, 1), "sda": "out", "scl": "out", "freq": _whole(10_000, 400_000)},
    "CLOCK": {"chip": _among(*CLOCKS)},
    "TM1637": {"clk": "out", "dio": "out"},
    "LCD": {"address": _ADDRESS},
    "NVS": {"namespace": _text},
    "EEPROM": {
        "address": _whole(0x50, 0x57),
        "size": _whole(4096, 65536),
        "page": _among(8, 16, 32, 64, 128),
    },
    "LED_GREEN": _SWITCH,
    "LED_RED": _SWITCH,
    "BUZZER": _SWITCH,
    "BATTERY": {
        "adc": "adc",
        "divider": _divider,
        "chemistry": _among("lead-acid", "lifepo4"),
        "volts": _among(12, 24),
    },
    "SOLAR": {"adc": "adc", "divider": _divider},
    "CURRENT": {
        "adc": "adc",
        "shunt_mohm": _whole(1, 1000),
        "gain": _whole(1, 1000),
        "limit_ma": _whole(1, 100_000),
    },
    "OUTPUT": _LEVEL,
    "FAULT": _LEVEL,
    "WATCHDOG": {"timeout_ms": None},
}
_NEEDED = ("LOAD", "KEYPAD", "I2C", "CLOCK")
_OPTIONAL = {"CURRENT": {"zero_mv": _whole(0, 3_300)}}


class _File:
    """The values of a board file whose chip is known."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values
        self._name = values["CHIP"]
        self._chip: Any = CHIPS[self._name]()
        self._good: dict[str, dict[str, Any]] = {}  # part -> fields that are right in themselves
        self._pins: list[Pin] = []

    def problems(self) -> Iterator[Problem]:
        for name in _NEEDED:
            if name not in self._values:
                yield Problem(name, None, "is missing; every board needs it")
        for name, value in self._values.items():
            if name in _PARTS:
                yield from self._part(name, value)
            elif name != "CHIP":
                near = difflib.get_close_matches(name, [*_PARTS, "CHIP"], 1, 0.5)
                near = {"PANEL": ["SOLAR"]}.get(name, near)
                hint = f"do you mean {near[0]}?" if near else f"known are {', '.join(_PARTS)}"
                yield Problem(name, None, f"no part has this name; {hint}")
        yield from self._check_pins()
        yield from self._together()

    def _part(self, name: str, value: Any) -> Iterator[Problem]:
        fields, more = _PARTS[name], _OPTIONAL.get(name, {})
        if not isinstance(value, dict):
            yield Problem(name, value, f"{{{', '.join(map(repr, fields))}}} with their values")
            return
        good = self._good[name] = {}
        for field, judge in (fields | more).items():
            place = f'{name}["{field}"]'
            if field not in value:
                if field in fields:
                    yield Problem(place, None, "is missing")
            elif callable(judge):
                right = judge(value[field])
                if right:
                    yield Problem(place, value[field], right)
                else:
                    good[field] = value[field]
            elif judge:
                self._note(name, field, value, judge)
                good[field] = value[field]
            else:
                good[field] = value[field]
        for field in value.keys() - fields.keys() - more.keys():
            yield Problem(f'{name}["{field}"]', value[field], f"{name} has no such field")

    def _note(self, name: str, field: str, value: dict[str, Any], use: str) -> None:
        place, numbers = f'{name}["{field}"]', value[field]
        if use == "level":
            use = "in" if value.get("active") else "pulled"
        if name != "KEYPAD":
            self._pins.append(Pin(place, numbers, use))
        elif isinstance(numbers, tuple | list):
            self._pins += [Pin(f"{place}[{n}]", pin, use) for n, pin in enumerate(numbers)]
        else:
            self._pins.append(Pin(place, numbers, use))

    def _check_pins(self) -> Iterator[Problem]:
        first: dict[object, str] = {}
        for place, number, use in self._pins:
            if type(number) is not int or not self._chip.has(number):
                yield Problem(place, number, f"the chip has {GPIOS[self._name]}")
                continue
            if number in first:
                yield Problem(place, number, f"is used already, by {first[number]}")
            first.setdefault(number, place)
            if number in CONSOLE[self._name]:
                yield Problem(place, number, "belongs to the console (UART0): take another pin")
            yield from self._use(place, number, use)
            meaning = self._chip.strapped(number)
            if meaning:
                yield Problem(place, number, f"a strapping pin: {meaning}", True)

    def _use(self, place: str, number: int, use: str) -> Iterator[Problem]:
        try:
            self._chip.configure(number, use == "out", use == "pulled")
        except (ValueError, ChipError) as error:
            yield Problem(place, number, str(error))
            return
        if use == "adc":
            try:
                self._chip.adc(number)
            except ValueError:
                yield Problem(place, number, f"no analog input; those are {ADCS[self._name]}")

    def _together(self) -> Iterator[Problem]:
        """Yield the problems of values that are right one by one."""
        yield from self._keypad()
        yield from self._bus()
        yield from self._scales()
        if "NVS" in self._values and self._name != "esp32":
            yield Problem("NVS", None, "only an ESP32 has one")
        dog = self._good.get("WATCHDOG", {}).get("timeout_ms")
        lowest, highest = WATCHDOG_MS[self._name]
        if "WATCHDOG" not in self._values:
            yield Problem("WATCHDOG", None, "is missing: a unit that hangs stays so", True)
        elif dog is not None and _whole(lowest, highest)(dog):
            yield Problem('WATCHDOG["timeout_ms"]', dog, _whole(lowest, highest)(dog))
        if not {"LCD", "TM1637"} & self._values.keys():
            yield Problem("LCD, TM1637", None, "no display: LEDs and buzzer say everything", True)

    def _keypad(self) -> Iterator[Problem]:
        pad = self._good.get("KEYPAD", {})
        rows, columns, keys = (pad.get(name) for name in ("rows", "columns", "keys"))
        place = 'KEYPAD["keys"]'
        if not isinstance(rows, tuple | list) or not isinstance(columns, tuple | list):
            if pad:
                yield Problem(
                    "KEYPAD", None, "rows and columns are tuples of pins; rows may be ()"
                )
            return
        lines = max(1, len(rows))
        shaped = isinstance(keys, tuple | list) and [type(key) for key in keys] == [str] * lines
        if not keys or not shaped or any(len(key) != len(columns) for key in keys):
            right = f"{lines} texts of {len(columns)} keys each, as many as rows and columns"
            yield Problem(place, keys, right)
            return
        named = "".join(keys)
        if len(set(named)) != len(named):
            yield Problem(place, keys, "each key once")
        if "#" not in named or not set("1234") <= set(named):
            yield Problem(place, keys, "# and at least the digits 1 to 4")
        elif not set("0123456789") <= set(named):
            yield Problem(place, keys, "without all ten digits, restricted tokens only", True)

    def _bus(self) -> Iterator[Problem]:
        bus = self._good.get("I2C", {})
        if {"id", "sda", "scl"} <= bus.keys() and self._name == "rp2040":
            for field, offset in (("sda", 0), ("scl", 1)):
                pins = list(range(bus["id"] * 2 + offset, 30, 4))
                if bus[field] not in pins and bus[field] in range(30):
                    right = f"{field.upper()} of I2C {bus['id']} is one of {str(pins)[1:-1]}"
                    yield Problem(f'I2C["{field}"]', bus[field], right)
        seen = {CLOCK_ADDRESS: "CLOCK"} if self._good.get("CLOCK", {}).get("chip") else {}
        for name in ("LCD", "EEPROM"):
            address = self._good.get(name, {}).get("address")
            if address in seen:
                yield Problem(f'{name}["address"]', address, f"is {seen[address]}'s, too")
            elif address is not None:
                seen[address] = name

    def _scales(self) -> Iterator[Problem]:
        battery, current = self._good.get("BATTERY", {}), self._good.get("CURRENT", {})
        lowest, highest = RANGE_MV[self._name]
        if {"divider", "volts"} <= battery.keys():
            top, bottom = battery["divider"]
            least, most = (mv * (top + bottom) // bottom for mv in (lowest, highest))
            if most < battery["volts"] * 1_500:
                right = f"measures up to {most} mV; the battery needs {battery['volts'] * 1_500}"
                yield Problem('BATTERY["divider"]', battery["divider"], right)
            if least > battery["volts"] * 500:
                right = f"measures from {least} mV; the battery needs {battery['volts'] * 500}"
                yield Problem('BATTERY["divider"]', battery["divider"], right)
        if {"shunt_mohm", "gain", "limit_ma"} <= current.keys():
            scale, zero = current["shunt_mohm"] * current["gain"], current.get("zero_mv", 0)
            least, most = ((mv - zero) * 1_000 // scale for mv in (lowest, highest))
            if current["limit_ma"] >= most:
                right = f"below {most}, the most that shunt and amplifier can measure"
                yield Problem('CURRENT["limit_ma"]', current["limit_ma"], right)
            if current["limit_ma"] <= least:
                right = f"above {least}, the least that shunt and amplifier can measure"
                yield Problem('CURRENT["limit_ma"]', current["limit_ma"], right)
