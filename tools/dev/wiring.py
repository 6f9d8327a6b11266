"""Wiring guides of the boards, made from the files in board/ and therefore never out of step.

python -m tools.dev.wiring            writes docs/wiring-BOARD.md
python -m tools.dev.wiring --check    says whether the guides are up to date
"""

import sys
from types import ModuleType
from typing import Any, NamedTuple

from tools import boards
from tools.boards import load
from tools.paths import ROOT

WIDTH = 24  # of a label beside the drawing
VOLTS = 3.3  # at a full-scale analog input


Wire = tuple[str, str, int]  # part, pin of the part, GPIO


class Header(NamedTuple):
    """A board from above: pins of the left and the right edge from the top, USB's edge."""

    title: str
    left: tuple[str, ...]
    right: tuple[str, ...]
    numbers: tuple[int, int]  # board pin numbers at the top left and the top right
    steps: tuple[int, int]  # from one pin to the next
    prefix: str  # of a GPIO's name on the board
    aliases: dict[str, int]  # name on the board -> GPIO, if not prefix + number
    usb: str
    supply: str
    logic: str
    notes: tuple[str, ...]


PICO = Header(
    "Raspberry Pi Pico",
    (
        *("GP0", "GP1", "GND", "GP2", "GP3", "GP4", "GP5", "GND", "GP6", "GP7"),
        *("GP8", "GP9", "GND", "GP10", "GP11", "GP12", "GP13", "GND", "GP14", "GP15"),
    ),
    (
        *("VBUS", "VSYS", "GND", "3V3_EN", "3V3", "VREF", "GP28", "AGND", "GP27", "GP26"),
        *("RUN", "GP22", "GND", "GP21", "GP20", "GP19", "GP18", "GND", "GP17", "GP16"),
    ),
    (1, 40),
    (1, -1),
    "GP",
    {},
    "top",
    "VSYS",
    "3V3",
    ("- 5 V into VSYS through a Schottky diode: then a USB cable may be plugged in at any time.",),
)
ESP32 = Header(
    "ESP32-DevKitC (38 pins)",
    (
        *("3V3", "EN", "VP", "VN", "IO34", "IO35", "IO32", "IO33", "IO25", "IO26"),
        *("IO27", "IO14", "IO12", "GND", "IO13", "D2", "D3", "CMD", "5V"),
    ),
    (
        *("GND", "IO23", "IO22", "TX", "RX", "IO21", "GND", "IO19", "IO18", "IO5"),
        *("IO17", "IO16", "IO4", "IO0", "IO2", "IO15", "D1", "D0", "CLK"),
    ),
    (1, 20),
    (1, 1),
    "IO",
    {"VP": 36, "VN": 39, "TX": 1, "RX": 3},
    "bottom",
    "5V",
    "3V3",
    (
        "- 30-pin boards have the same names in other places. A WROVER module needs GPIO16 and 17",
        "  for its own memory: put the two LEDs elsewhere, in a board file of your own.",
        "- Take the 5 V away while a USB cable is plugged in.",
    ),
)
HEADERS = {"rp2040": PICO, "esp32": ESP32}  # the usual carrier of each chip
BOARDS = {board.module: HEADERS[board.chip] for board in boards.BOARDS.values()}


def wires(data: ModuleType) -> list[Wire]:
    """Return (part, pin of the part, GPIO) for every GPIO that a board's data names."""
    found = [("Load switch", "control", data.LOAD["pin"])]
    found += _keypad(data.KEYPAD)
    if hasattr(data, "TM1637"):
        found += [("TM1637", name.upper(), data.TM1637[name]) for name in ("clk", "dio")]
    if hasattr(data, "I2C"):
        found += [("I2C bus", name.upper(), data.I2C[name]) for name in ("sda", "scl")]
    for name, part in (("LED_GREEN", "Green LED"), ("LED_RED", "Red LED"), ("BUZZER", "Buzzer")):
        if hasattr(data, name):
            found.append((part, "+" if getattr(data, name)["active"] else "-", _pin(data, name)))
    for name, part in (("BATTERY", "Battery"), ("SOLAR", "Solar panel")):
        if hasattr(data, name):
            found.append((part, "divider", getattr(data, name)["adc"]))
    if hasattr(data, "CURRENT"):
        found.append(("Shunt amplifier", "OUT", data.CURRENT["adc"]))
    if hasattr(data, "OUTPUT"):
        found.append(("Load output", "divider", _pin(data, "OUTPUT")))
    if hasattr(data, "FAULT"):
        found.append(("Protection", "fault", _pin(data, "FAULT")))
    return found


def _pin(data: ModuleType, name: str) -> int:
    return int(getattr(data, name)["pin"])


def _keypad(keypad: dict[str, Any]) -> list[Wire]:
    if not keypad["rows"]:
        keys = keypad["keys"][0]
        return [(f"Button {key}", "", pin) for key, pin in zip(keys, keypad["columns"])]
    rows = [("Keypad", f"row {keys}", pin) for keys, pin in zip(keypad["keys"], keypad["rows"])]
    columns = zip(*keypad["keys"])
    return rows + [
        ("Keypad", f"column {''.join(keys)}", pin) for keys, pin in zip(columns, keypad["columns"])
    ]


def _places(header: Header) -> dict[int, tuple[str, int]]:
    """Return {GPIO: (board's name, board's pin number)}."""
    places = {}
    for side, number, step in zip((header.left, header.right), header.numbers, header.steps):
        for position, name in enumerate(side):
            gpio = header.aliases.get(name)
            if gpio is None and name.startswith(header.prefix):
                gpio = int(name[len(header.prefix) :])
            if gpio is not None:
                places[gpio] = (name, number + step * position)
    return places


def drawing(header: Header, data: ModuleType) -> list[str]:
    """Return the lines of a picture of the board with all wired parts."""
    places = _places(header)
    labels = {places[gpio][1]: " ".join((part, pin)).strip() for part, pin, gpio in wires(data)}
    for side, number, step in zip((header.left, header.right), header.numbers, header.steps):
        for position, name in enumerate(side):
            if name in (header.supply, header.logic):
                labels[number + step * position] = "5 V in" if name == header.supply else "3.3 V"
    edge = "+------[ USB ]------+"
    lines = [" " * (WIDTH + 4) + (edge if header.usb == "top" else "+" + "-" * 19 + "+")]
    for row in range(len(header.left)):
        left = header.numbers[0] + header.steps[0] * row
        right = header.numbers[1] + header.steps[1] * row
        lines.append(
            f"{_arrow(labels.get(left), '-->'):>{WIDTH}} {left:>2} |"
            f" {header.left[row]:<6}     {header.right[row]:>6} |"
            f" {right:<2} {_arrow(labels.get(right), '<--', True)}".rstrip()
        )
    lines.append(" " * (WIDTH + 4) + (edge if header.usb != "top" else "+" + "-" * 19 + "+"))
    return lines


def _arrow(label: str | None, arrow: str, before: bool = False) -> str:
    if label is None:
        return ""
    return f"{arrow} {label}" if before else f"{label} {arrow}"


def table(header: Header, data: ModuleType) -> list[str]:
    """Return the lines of the table: part, its pin, GPIO, the board's name and number, remark."""
    places = _places(header)
    lines = ["| Part | Its pin | GPIO | On the board | |", "|---|---|---|---|---|"]
    for part, pin, gpio in wires(data):
        name, number = places[gpio]
        code = f"`{pin}`" if "*" in pin else pin
        remark = _remark(part, pin, data)
        lines.append(f"| {part} | {code} | {gpio} | {name}, pin {number} | {remark} |")
    return lines


_SIMPLE = {
    "Buzzer": "active buzzer for 3 V, at most 10 mA, else through a transistor",
    "I2C bus": "4.7 kΩ to 3.3 V, if no module has them",
}


def _remark(part: str, pin: str, data: ModuleType) -> str:
    """Return the components between the board and this pin."""
    if part in ("Battery", "Solar panel"):
        top, bottom = (data.BATTERY if part == "Battery" else data.SOLAR)["divider"]
        most = VOLTS * (top + bottom) / bottom
        return f"{ohms(top)} to +, {ohms(bottom)} and 100 nF to ground; up to {most:.0f} V"
    if part == "Shunt amplifier":
        current = data.CURRENT
        most = VOLTS / current["shunt_mohm"] / current["gain"] * 1000
        amplifier = f"gain {current['gain']} over {current['shunt_mohm']} mΩ"
        return f"{amplifier}; up to {most:.1f} A, trips at {current['limit_ma'] / 1000:g} A"
    if part == "Load switch":
        level, rail = ("high", "ground") if data.LOAD["active"] else ("low", "3.3 V")
        return f"{level} is on; 10 kΩ to {rail} keep it off"
    if part == "Load output":
        top, bottom = _sense(data)
        return f"{ohms(top)} to the output's +, {ohms(bottom)} to ground"
    if part == "Protection":
        level = "high" if data.FAULT["active"] else "low"
        return f"if there is one: open drain, {level} is a fault"
    if part.endswith("LED"):
        return "through 470 Ω" + (" to ground" if pin == "+" else " to 3.3 V")
    return _SIMPLE.get(part, "other side to ground" if part.startswith("Button") else "")


def _sense(data: ModuleType) -> tuple[int, int]:
    """Return a divider that makes a high, and not too high, level of the battery's voltages."""
    return (82_000, 10_000) if data.BATTERY.get("volts", 12) > 12 else (33_000, 10_000)


def ohms(value: int) -> str:
    """Return a resistance as people write it."""
    return f"{value // 1000} kΩ" if value >= 1000 else f"{value} Ω"


def needed(data: ModuleType) -> list[str]:
    """Return the lines of the shopping list."""
    items = []
    keypad = data.KEYPAD
    if keypad["rows"]:
        items.append(f"{len(keypad['rows'])}x{len(keypad['columns'])} matrix keypad, passive")
    else:
        items.append(f"{len(keypad['columns'])} push buttons")
    if hasattr(data, "TM1637"):
        items.append("4-digit 7-segment module with TM1637 (4 wires: CLK, DIO, VCC, GND)")
    if hasattr(data, "LCD"):
        address = f"address 0x{data.LCD['address']:02x}"
        items.append(f"16x2 character LCD (HD44780) with PCF8574 backpack, {address}")
    if data.CLOCK["chip"]:
        memory = " with AT24C32 memory" if hasattr(data, "EEPROM") else ""
        items.append(f"{data.CLOCK['chip'].upper()} clock module{memory}, and its coin cell")
    items.append("P-channel MOSFET for the load's current and 40 V or more; small NPN transistor")
    items.append("step-down converter from the battery to 5 V")
    items.append("red and green LED, 2 resistors of 470 Ω; active buzzer for 3 V")
    items.append("resistors of 1 % and capacitors of 100 nF for the dividers named below")
    if hasattr(data, "CURRENT"):
        shunt, gain = data.CURRENT["shunt_mohm"], data.CURRENT["gain"]
        items.append(f"shunt of {shunt} mΩ and a low-side amplifier of gain {gain} (INA180A2)")
    return [f"- {item}" for item in items]


def matrix(data: ModuleType) -> list[str]:
    """Return the lines of a picture of the keypad, or none for buttons."""
    keypad = data.KEYPAD
    if not keypad["rows"]:
        return []
    lines = [" " * 12 + "".join(f"{f'GPIO{pin}':>8}" for pin in keypad["columns"])]
    for keys, pin in zip(keypad["keys"], keypad["rows"]):
        lines.append(f"{f'GPIO{pin}':>12}" + "".join(f"{key:>8}" for key in keys))
    caption = "The keypad, seen from the front; a key joins its row and its column:"
    return ["", caption, "", "```", *lines, "```"]


POWER = """
```
panel + --+-- [charge regulator] --+-- fuse --+-- [5 V converter] --> {supply}
          |                        |          |
  divider "Solar panel"        battery +      +-- divider "Battery"
                                              |
                                              +-- S [P-MOSFET] D --+-- load +
                                              |        G           |
                                              +-10 kΩ--+   divider "Load output"
                                                       C
                  "Load switch" -- 4.7 kΩ --+--- B  [NPN]
                                            |          E
                                          10 kΩ        |
                                            |          |
battery - --+-- panel -                    GND        GND
            +-- GND of the board and of all modules
            +-- [shunt] -- load -
```

All grounds are joined at the battery's minus. The control pin opens the transistor, which pulls
the MOSFET's gate down and so gives power to the load; on 24 V a 12 V Zener diode from gate to
source protects the gate. The 10 kΩ at the transistor's base keep the load off while the board is
in reset, has no firmware or is being flashed. The panel charges the battery whatever is paid.
"Load output" tells whether there is voltage behind the switch: a wire around it is noticed.
"""


def modules(data: ModuleType, header: Header) -> list[str]:
    """Return the lines about the modules and their supply."""
    lines = []
    if hasattr(data, "TM1637"):
        lines += [
            f"- TM1637: VCC to {header.logic}. The library that drives it (`micropython-tm1637`)",
            "  does not look at the chip's acknowledge, so the controller cannot tell that a",
            "  display is missing; LEDs and buzzer speak all the same, and everything is sent",
            "  anew each minute.",
        ]
    if hasattr(data, "LCD"):
        lines += [
            "- LCD: SDA and SCL to the bus. Supplied with 5 V its backpack pulls the bus up to",
            f"  5 V, which the chip does not stand: supply it from {header.logic}, or put a level",
            "  shifter between. A missing LCD is tried again every five seconds.",
        ]
    if data.CLOCK["chip"] == "ds1307":
        lines += [
            f"- Clock module: VCC to {header.supply}, for a DS1307 needs 4.5 to 5.5 V. Take the",
            "  module's pull-ups to 5 V off, and put 4.7 kΩ from SDA and from SCL to",
            f"  {header.logic}: the chip takes 2.2 V for high (Maxim 100101, DC characteristics).",
        ]
    elif data.CLOCK["chip"]:
        lines += [
            f"- Clock module: VCC to {header.logic}, SDA and SCL to the bus. If it charges its",
            "  cell through a diode and a resistor, remove the resistor when that is a CR2032.",
        ]
    if data.KEYPAD["rows"]:
        lines.append("- Keypad: rows and columns go to the pins directly, without resistors.")
    else:
        lines.append("- Buttons: each between its pin and ground.")
    return lines + list(header.notes)


def guide(name: str) -> str:
    """Return the text of docs/wiring-NAME.md."""
    header, data = BOARDS[name], load(name)
    title = header.title
    if not next(board.found for board in boards.BOARDS.values() if board.module == name):
        title = (data.__doc__ or "").partition(":")[0]
    text = [f"# Wiring: {title}", ""]
    text += [
        f"Made from `board/{name}.py` by `python -m tools.dev.wiring`: change that, not this."
    ]
    text += ["", "## Parts", "", *needed(data)]
    text += ["", "## Pins", "", *table(header, data)]
    text += ["", "```", *drawing(header, data), "```", *matrix(data)]
    text += ["", "## Modules", "", *modules(data, header)]
    power = POWER.format(supply=header.supply).rstrip().split("\n")
    text += ["", "## Power and load", *power, ""]
    return "\n".join(text)


def main(arguments: list[str]) -> int:
    """Write the guides, or check them; return the exit status."""
    check = "--check" in arguments
    stale = 0
    for name in BOARDS:
        path = ROOT / "docs" / f"wiring-{name}.md"
        text = guide(name)
        if not path.is_file() or path.read_text() != text:
            stale += 1
            print(f"docs/{path.name}: {'stale' if check else 'written'}")
            if not check:
                path.write_text(text)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
