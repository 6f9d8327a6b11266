"""Every board file builds the controller on its chip; a wrong pin in it is found."""

import importlib
import json
import os
import re
import struct
import subprocess

import pytest

import opaygo
from board import find
from firmware.store import FULL, IDENTITY, Identity, seal
from tests_host.helpers.published import ADD_1, KEY, STARTING_CODE, has_buttons
from tools.boards import BOARDS
from tools.dev.wiring import wires
from tools.interpreter import device_libraries, simulator_with
from tools.paths import ROOT
from tools.proofs.simulator import Sim
from tools.proofs.tokens.encoder import Encoder
from tools.seconds import DAY
from tools.sim.mcu.kinds import CHIPS

NAMES = sorted(path.stem for path in (ROOT / "board").glob("*.py") if path.stem != "__init__")
MACHINES = {
    "Raspberry Pi Pico with RP2040": "pico",
    "Raspberry Pi Pico W with RP2040": "pico",
    "Generic ESP32 module with ESP32": "esp32_devkit",
    "Generic ESP32 module with SPIRAM with ESP32": "esp32_devkit",
    "linux [GCC 12.2.0] version": "sim",
    "darwin [Clang] version": "sim",
}


def data(name):
    return importlib.import_module(f"board.{name}")


def test_each_board_file_can_be_built_for():
    assert {board.module for board in BOARDS.values()} | {"sim"} == set(NAMES)


@pytest.mark.parametrize("board", [None, *BOARDS])
def test_a_board_is_built_and_a_token_switches_its_load_on(board):
    options = {"serial": "B1", "key": KEY, "starting_code": STARTING_CODE, "count": 0}
    token = ADD_1
    if has_buttons(board):
        options["restricted"] = True
        token = Encoder(bytes.fromhex(KEY), STARTING_CODE).token(1, 2, restricted=True)
    with Sim(board=board, **options) as sim:
        answer = sim.keys(token + "#")
        assert (answer["result"], answer["load"]) == ("ADD_TIME", True), sim.stderr()
        assert answer["display"] in ("GOOd", "Valid\n1 day left")
        assert sim.do("advance 60")["load"]
        sim.do("power off")
        answer = sim.do("power on")
        assert answer["load"] and answer["count"] == 2
        assert "warning" not in sim.stderr() and "failed" not in sim.stderr()


ESP32 = {"board": "esp32", "serial": "B1", "key": KEY, "starting_code": STARTING_CODE, "count": 0}


def test_each_key_of_the_esp32_is_one_key():
    """The reset leaves a pull-down on the row of 1, 2 and 3."""
    with Sim(**ESP32) as sim:
        assert sim.keys("1472580369")["display"].endswith("\n1472580369")


def in_nvs(state):
    """Names of what lies in the NVS of a unit that is off."""
    return [key for _, key, _ in json.loads((state / "nvs.json").read_text())]


def test_the_esp32_keeps_its_records_in_its_file_system(tmp_path):
    with Sim(state=tmp_path, **ESP32) as sim:
        assert sim.keys(ADD_1 + "#")["load"]
        sim.close()
    assert in_nvs(tmp_path) == []
    (tmp_path / "nvs.json").unlink()
    (tmp_path / "eeprom.bin").unlink()
    with Sim(state=tmp_path, **ESP32) as sim:
        answer = sim.status()
        assert answer["load"] and answer["count"] == 2


def records_of_version_1():
    """Return the NVS of version 1 of a unit with thirty days: {name: bytes}."""
    identity = Identity("B1", bytes.fromhex(KEY), STARTING_CODE, 0)
    engine = opaygo.pack(opaygo.new_state(8))
    account = struct.pack("<IIHBBBH", 30 * DAY, 0, 0, 0, 1, 0, 0).ljust(46, b"\0")
    full = struct.pack("<H", len(engine)) + engine + account
    return {
        "identity.0": seal(IDENTITY, 1, identity.pack(), None, 1),
        "identity.1": seal(IDENTITY, 1, identity.pack(), None, 1),
        "full.0": seal(FULL, 5, full, identity.key, 1),
    }


def test_records_that_version_1_kept_in_nvs_are_taken_over(tmp_path):
    kept = [["payg", name, data.hex()] for name, data in records_of_version_1().items()]
    (tmp_path / "nvs.json").write_text(json.dumps(kept))
    with Sim(state=tmp_path, **ESP32) as sim:
        answer = sim.status()
        assert answer["load"] and answer["count"] == 8
        assert 30 * DAY - 3700 < answer["seconds_left"] <= 30 * DAY - 3600
        assert sim.keys(ADD_1 + "#")["result"] == "ALREADY_USED"
        sim.close()
    assert in_nvs(tmp_path) == []
    with Sim(state=tmp_path, **ESP32) as sim:
        assert sim.status()["count"] == 8


@pytest.mark.parametrize("machine", MACHINES)
def test_which_board_is_running_is_found_from_the_interpreter(machine, monkeypatch):
    monkeypatch.setattr("sys.implementation._machine", machine, raising=False)
    assert find() is data(MACHINES[machine])


@pytest.mark.parametrize("machine", ["Generic ESP32S3 module with ESP32S3", "PYBv1.1 with STM32"])
def test_a_chip_with_other_pins_has_no_board(machine, monkeypatch):
    monkeypatch.setattr("sys.implementation._machine", machine, raising=False)
    with pytest.raises(ImportError, match="no board file"):
        find()


@pytest.mark.parametrize("name", NAMES)
def test_no_pin_is_used_twice_and_every_pin_exists(name):
    pins = [pin for _, _, pin in wires(data(name))]
    assert len(set(pins)) == len(pins)
    chip = CHIPS[data(name).CHIP]()
    assert all(chip.has(pin) and chip.strapped(pin) is None for pin in pins)


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_has_a_line_for_each_board(name):
    assert f"`board/{name}.py`" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_a_board_file_is_data_only(name):
    source = (ROOT / "board" / f"{name}.py").read_text()
    assert not re.search(r"^\s*(import|from|def|class|if|for)\b", source, re.MULTILINE)


def run_custom(tmp_path, board, changes, entry=ADD_1, **identity):
    """Run the simulator with a board file in which texts are replaced; return (answers, errors).

    The script is one entry. The tree has the file as board/custom.py, which wins over the
    built-in ones.
    """
    for name in ("boot.py", "main.py", "firmware", "lib"):
        os.symlink(ROOT / name, tmp_path / name)
    (tmp_path / "board").mkdir()
    for name in ("__init__", *NAMES):
        os.symlink(ROOT / "board" / f"{name}.py", tmp_path / "board" / f"{name}.py")
    source = (ROOT / "board" / f"{board}.py").read_text()
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    (tmp_path / "board" / "custom.py").write_text(source)
    options = {"root": str(tmp_path), "chip": data(board).CHIP, "libraries": device_libraries()}
    options |= {"serial": "C1", "key": KEY, "starting_code": STARTING_CODE, "count": 0} | identity
    command = simulator_with(options)
    script = f"keys {entry}#\n"
    done = subprocess.run(command, input=script, capture_output=True, text=True, timeout=60)
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_a_custom_board_file_wins(tmp_path):
    answers, errors = run_custom(tmp_path, "pico", [('LOAD = {"pin": 15', 'LOAD = {"pin": 22')])
    assert answers[0]["load"], errors


WRONG = [
    ("pico", '"sda": 20, "scl": 21', '"sda": 21, "scl": 20', "bad SCL pin"),
    ("pico", '"sda": 20, "scl": 21', '"sda": 18, "scl": 19', "bad SCL pin"),
    ("pico", '{"id": 0', '{"id": 2', "doesn't exist"),
    ("pico", 'LOAD = {"pin": 15', 'LOAD = {"pin": 30', "invalid pin"),
    ("pico", '"columns": (6, 7, 8)', '"columns": (6, 7, 15)', "wired twice"),
    ("pico", '"adc": 26', '"adc": 22', None),
    ("pico", '"clk": 16', '"clk": 10', "wired twice"),
    ("esp32_devkit", 'LOAD = {"pin": 23', 'LOAD = {"pin": 37', "can only be input"),
    ("esp32_devkit", 'LOAD = {"pin": 23', 'LOAD = {"pin": 24', "invalid pin"),
    ("esp32_devkit", 'LED_RED = {"pin": 17', 'LED_RED = {"pin": 6', "flash"),
    ("esp32_devkit", "(25, 33, 32)", "(25, 33, 38)", "no pull-up"),
    ("esp32_devkit", "(13, 14, 27, 26)", "(13, 14, 27, 37)", None),
    ("esp32_devkit", '"sda": 21', '"sda": 37', "can only be input"),
    ("esp32_devkit", '"adc": 34', '"adc": 5', None),
]


@pytest.mark.parametrize(("board", "old", "new", "why"), WRONG)
def test_a_wrong_pin_fails(tmp_path, board, old, new, why):
    """A blank unit restarts again and again, one with an identity ends in minimal mode."""
    answers, errors = run_custom(tmp_path, board, [(old, new)])
    assert not any(answer.get("load") for answer in answers)
    if why:
        assert why in errors + str(answers)
    else:
        assert "error" in answers[0] or answers[0]["display"].startswith("Service needed")


@pytest.mark.parametrize("pin", [0, 2, 5, 12, 15])
def test_strapping_pins_are_warned_about(tmp_path, pin):
    change = ('BUZZER = {"pin": 4', f'BUZZER = {{"pin": {pin}')
    answers, errors = run_custom(tmp_path, "esp32_devkit", [change])
    assert answers[0]["load"] and f"warning: GPIO{pin} is a strapping pin" in errors


def test_an_esp32_with_digits_in_place_of_the_lcd(tmp_path):
    lcd = ('LCD = {"address": 0x27}', 'TM1637 = {"clk": 18, "dio": 19}')
    answers, errors = run_custom(tmp_path, "esp32_devkit", [lcd])
    assert answers[0]["load"] and answers[0]["display"] == "GOOd", errors


def test_a_board_without_any_display_works(tmp_path):
    answers, errors = run_custom(tmp_path, "pico", [('TM1637 = {"clk": 16, "dio": 17}', "")])
    assert answers[0]["load"] and answers[0]["display"] == "", errors


def test_a_row_of_buttons_takes_restricted_tokens(tmp_path):
    matrix = '"rows": (2, 3, 4, 5), "columns": (6, 7, 8), "keys": ("123", "456", "789", "*0#")'
    buttons = '"rows": (), "columns": (2, 3, 4, 5, 6), "keys": ("1234#",)'
    token = Encoder(bytes.fromhex(KEY), STARTING_CODE).token(1, 2, restricted=True)
    changes = [(matrix, buttons)]
    answers, errors = run_custom(tmp_path, "pico", changes, token, restricted=True)
    assert answers[0]["result"] == "ADD_TIME" and answers[0]["load"], errors


def test_uart_pins_are_the_chips_own():
    rp2040, esp32 = CHIPS["rp2040"](), CHIPS["esp32"]()
    for number, tx, rx in ((0, 0, 1), (1, 4, 5), (1, 8, 9), (0, 12, 13), (0, 16, 17)):
        rp2040.uart(number, tx, rx)
        with pytest.raises(ValueError, match="bad TX"):
            rp2040.uart(1 - number, tx, rx)
        with pytest.raises(ValueError, match="bad RX"):
            rp2040.uart(number, tx, tx)
    esp32.uart(1, 18, 19)
    with pytest.raises(ValueError, match="only be input"):
        esp32.uart(2, 36, 39)
