"""Every mistake in a board file is told, all at once, with place, value and remedy."""

import importlib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests_host.helpers.tables import quoted, table
from tools.board_check import _NEEDED, _OPTIONAL, _PARTS, check, show
from tools.paths import ROOT
from tools.station.build import BuildError, build

MISTAKES = [  # board, text in its file, text in place of it, what is said
    ("pico", '"pin": 15', '"pin": 99', 'LOAD["pin"] = 99: the chip has GPIO0 to GPIO29'),
    ("pico", '"pin": 15', '"pin": "GP15"', "LOAD[\"pin\"] = 'GP15': the chip has"),
    ("pico", '"pin": 15', '"pin": True', 'LOAD["pin"] = True: the chip has'),
    ("pico", '"clk": 16', '"clk": 10', 'used already, by TM1637["clk"]'),
    ("pico", "(6, 7, 8)", "(6, 7, 15)", 'KEYPAD["columns"][2] = 15: is used already'),
    ("pico", '"sda": 20', '"sda": 18', 'I2C["sda"] = 18: SDA of I2C 0 is one of 0, 4, 8, 12, 16'),
    ("pico", '"scl": 21', '"scl": 22', 'I2C["scl"] = 22: SCL of I2C 0 is one of 1, 5'),
    ("pico", '{"id": 0', '{"id": 2', 'I2C["id"] = 2: one of 0, 1'),
    ("pico", '"adc": 26', '"adc": 22', 'no analog input; those are GPIO26 to GPIO29'),
    ("pico", 'LOAD = {"pin": 15, "active": 1}', "", "LOAD: is missing; every board needs it"),
    ("pico", "SOLAR =", "PANEL =", "PANEL: no part has this name; do you mean SOLAR?"),
    ("pico", "BUZZER =", "BUZER =", "BUZER: no part has this name; do you mean BUZZER?"),
    ("pico", "8000", "9000", 'WATCHDOG["timeout_ms"] = 9000: a whole number from 4000 to 8388'),
    ("pico", "8000", "2000", 'WATCHDOG["timeout_ms"] = 2000: a whole number from 4000 to 8388'),
    ("pico", '"*0#"', '"*00"', "each key once"),
    ("pico", '"*0#"', '"*0"', "4 texts of 3 keys each"),
    ("pico", '"*0#"', '"*0D"', "# and at least the digits 1 to 4"),
    ("pico", "(100_000, 10_000)", "(10_000, 10_000)", "measures up to 6600 mV"),
    ("pico", "(100_000, 10_000)", "(100_000, 0)", "(ohms to the voltage, ohms to ground)"),
    ("pico", '"limit_ma": 5000', '"limit_ma": 7000', "below 6600"),
    ("pico", '5000}', '5000, "zero_mv": 900}', 'CURRENT["limit_ma"] = 5000: below 4800'),
    ("pico", '"volts": 12', '"volts": 48', "one of 12, 24"),
    ("pico", '"lead-acid"', '"nimh"', "one of 'lead-acid', 'lifepo4'"),
    ("pico", '"chip": "ds3231"', '"chip": "ds3232"', "one of 'ds3231', 'ds1307', None"),
    ("pico", '"address": 0x57', '"address": 0x67', "a whole number from 80 to 87"),
    ("pico", '"active": 1}\nKEY', '"active": 2}\nKEY', 'LOAD["active"] = 2: one of 0, 1'),
    ("pico", '"active": 1}\nKEY', '"aktive": 1}\nKEY', 'LOAD["active"]: is missing'),
    ("pico", 'CHIP = "rp2040"', 'CHIP = "rp2350"', "name the chip, one of rp2040, esp32"),
    ("pico", 'CHIP = "rp2040"', 'CHIP = "esp32"', "this build is for 'rp2040'"),
    ("pico", "5000}", "5000", "this is not Python"),
    ("pico", "8000", "2 * 4000", "write the value as it is"),
    ("esp32_devkit", '"pin": 23', '"pin": 37', 'LOAD["pin"] = 37: pin can only be input'),
    ("esp32_devkit", '"pin": 23', '"pin": 24', "GPIO0 to 39 without 6 to 11, 20, 24 and 28 to 31"),
    ("esp32_devkit", '"pin": 17', '"pin": 6', "belongs to the flash chip"),
    ("esp32_devkit", '"pin": 17', '"pin": 3', "belongs to the console"),
    ("esp32_devkit", "(25, 33, 32)", "(25, 33, 38)", "no pull-up"),
    ("esp32_devkit", '"sda": 21', '"sda": 37', "can only be input"),
    ("esp32_devkit", '"adc": 34', '"adc": 5', "no analog input"),
    ("esp32_devkit", '"limit_ma": 5000', '"limit_ma": 6000', "below 6000"),
    ("esp32_devkit", '"limit_ma": 5000', '"limit_ma": 300', "above 300, the least"),
    ("esp32_devkit", "(100_000, 10_000)", "(500_000, 10_000)", "measures from 7650 mV"),
    ("esp32_devkit", '0x27}', '0x68}', "LCD[\"address\"] = 104: is CLOCK's, too"),
]  # fmt: skip


def told(tmp_path, text, chip="rp2040"):
    (tmp_path / "mine.py").write_text(text)
    return check(tmp_path / "mine.py", chip)


@pytest.mark.parametrize("name", ["pico", "esp32_devkit", "sim"])
def test_the_boards_of_this_checkout_have_no_mistake(name):
    assert not [problem for problem in check(ROOT / "board" / f"{name}.py") if not problem.warning]


@pytest.mark.parametrize(("board", "old", "new", "said"), MISTAKES)
def test_a_mistake_is_told_with_place_value_and_remedy(tmp_path, board, old, new, said):
    text = (ROOT / "board" / f"{board}.py").read_text()
    assert text.count(old) >= 1
    chip = importlib.import_module(f"board.{board}").CHIP
    problems = told(tmp_path, text.replace(old, new, 1), chip)
    assert [p for p in problems if said in str(p) and not p.warning], [str(p) for p in problems]


def test_all_mistakes_are_told_at_once(tmp_path):
    text = (ROOT / "board" / "pico.py").read_text()
    changes = [('"pin": 15', '"pin": 99'), ('"adc": 27', '"adc": 5'), ("8000", "9000")]
    for old, new in changes:
        text = text.replace(old, new)
    assert len(told(tmp_path, text)) == 4, "GPIO5 is a row of the keypad, too"


def test_a_name_or_field_that_is_defined_twice_is_a_mistake(tmp_path):
    text = (ROOT / "board" / "pico.py").read_text()
    first = 1 + text[: text.index("LOAD =")].count("\n")
    last = text.count("\n") + 1
    again = text + 'LOAD = {"pin": 15, "active": 1}\n'
    (problem,) = told(tmp_path, again)
    assert str(problem) == f"LOAD: is defined twice, in lines {first} and {last}"
    with pytest.raises(BuildError, match="defined twice"):
        build("pico", tmp_path / "out", tmp_path / "mine.py")
    again = text.replace('"pin": 15', '"pin": 15, "pin": 15')
    (problem,) = told(tmp_path, again)
    assert str(problem) == f'LOAD["pin"]: is defined twice, in lines {first} and {first}'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("LOAD = (", "mine.py: line 1: this is not Python: '(' was never closed\n"),
        ("\0", "mine.py: the file: this is not Python: "),
        ("", "mine.py: the file: nothing is in it"),
    ],
)
def test_a_file_is_named_once(tmp_path, capsys, text, said):
    show(Path("mine.py"), told(tmp_path, text))
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.parametrize("text", ["", "# nothing\n", '"""Only words."""\n'])
def test_an_empty_file_is_told(tmp_path, text):
    (problem,) = told(tmp_path, text)
    assert "nothing is in it" in str(problem)


@pytest.mark.parametrize("pin", [0, 2, 5, 12, 15])
def test_strapping_pins_are_warnings(tmp_path, pin):
    text = (ROOT / "board" / "esp32_devkit.py").read_text().replace('"pin": 4', f'"pin": {pin}')
    (problem,) = told(tmp_path, text, "esp32")
    assert problem.warning and "strapping pin" in str(problem)


def test_the_file_is_read_and_never_run(tmp_path):
    mark = tmp_path / "mark"
    text = (ROOT / "board" / "pico.py").read_text() + f"\nopen({str(mark)!r}, 'w').close()\n"
    (problem,) = told(tmp_path, text)
    assert not Path(mark).exists() and "data: NAME = value" in str(problem)


STRANGE = {
    "code": "import os\nos.system('true')",
    "a call": "LOAD.update(pin=23)",
    "a removal": "del I2C",
    "an end": "raise SystemExit(0)",
    "a loop": "while True: pass",
    "a key that is none": "X = {[]: 1}",
    "a chip that is none": 'CHIP = ["rp2040"]',
    "many signs": "X = " + "-" * 10_000 + "1",
    "many terms": "X = " + "+".join("1" * 5_000),
    "a long number": 'LOAD = {"pin": 0x' + "f" * 6_000 + ', "active": 1}',
    "a large file": "#" * 20_000,
    "ESP32's memory": 'NVS = {"namespace": "x"}',
    "a byte order mark": "\ufeff",
}


@pytest.mark.parametrize("more", STRANGE)
def test_strange_files_are_told_and_nothing_of_them_runs(tmp_path, more):
    text = (ROOT / "board" / "pico.py").read_text()
    text = STRANGE[more] + text if more == "a byte order mark" else f"{text}\n{STRANGE[more]}\n"
    problems = told(tmp_path, text)
    assert [p for p in problems if not p.warning] and all(len(str(p)) < 500 for p in problems)


def payg(*arguments, script=""):
    command = [sys.executable, "-m", "tools.cli", *map(str, arguments)]
    return subprocess.run(command, input=script, capture_output=True, text=True, cwd=ROOT)


def test_the_command_tells_all_and_its_exit_code_says_whether_the_file_is_fit(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text((ROOT / "board" / "pico.py").read_text())
    good = payg("board", "check", mine)
    assert (good.returncode, good.stderr) == (0, "") and "no mistakes" in good.stdout
    mine.write_text(mine.read_text().replace(": 15", ": 99").replace("8000", "9000"))
    bad = payg("board", "check", mine)
    assert bad.returncode == 1 and "2 mistakes" in bad.stdout and bad.stderr.count("\n") == 2


def test_a_board_of_ones_own_is_simulated(tmp_path):
    mine = tmp_path / "mine.py"
    text = (ROOT / "board" / "pico.py").read_text().replace(": 15", ": 22")
    mine.write_text(text.replace('TM1637 = {"clk": 16, "dio": 17}', 'LCD = {"address": 0x27}'))
    done = payg("sim", "--headless", "--custom", mine, script="status\n")
    assert "\n" in json.loads(done.stdout)["display"], "it has an LCD"
    assert not list(Path(tempfile.gettempdir()).glob("payg-board-*/board/mine.py"))
    mine.write_text(text.replace("LOAD", "LOUD"))
    done = payg("sim", "--headless", "--custom", mine, script="status\n")
    assert done.returncode == 1 and "do you mean LOAD" in done.stderr and not done.stdout


def test_the_page_names_each_part_and_field():
    named = {}
    for parts, fields, _ in table("boards.md", "Names"):
        for part in quoted(parts):
            named[part] = set(quoted(re.sub(r":[^;]*", "", fields)))
            assert (part in _NEEDED or part == "CHIP") == ("compulsory" in parts)
    optional = {part: known | _OPTIONAL.get(part, {}) for part, known in _PARTS.items()}
    assert named == {"CHIP": set()} | {part: set(known) for part, known in optional.items()}
