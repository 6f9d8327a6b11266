"""A unit's life at the station with real parts: mpremote, MicroPython, the firmware, chips."""

import pytest
import serial
from click.testing import CliRunner
from mpremote.transport_serial import SerialTransport

from tests_host.station.line import (
    FIRST,
    Server,
    Worker,
    has_no_key,
    list_file,
    rest,
    set_up,
    type_line,
)
from tools.cable.unit import SimulatedUnit
from tools.commands import console, deploy, provision, verify
from tools.seconds import DAY
from tools.station import prompt as ports
from tools.station.console import LineConsole
from tools.station.prompt import Prompt
from tools.station.selftest import key_check

MONTH = 30 * DAY


def run(module, *arguments):
    """Return (exit code, what it said) of a subcommand."""
    result = CliRunner().invoke(module.command, [str(word) for word in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, has_no_key(result.output)


def ask(unit, *question):
    """The answer to a line of the console."""
    with LineConsole(unit.port) as asked:
        return asked.ask(";".join(question))


@pytest.mark.long
def test_from_a_bare_board_to_a_sealed_unit_and_back(tmp_path, monkeypatch):
    monkeypatch.setattr(ports, "QUIET", 0.7)
    batch = list_file(tmp_path)
    server = Server(FIRST)
    with SimulatedUnit(board="pico", bare=True, state=tmp_path / "unit") as unit:
        at = ("--port", unit.port)
        code, said = run(verify, *at)
        assert code == 1 and "main.py is missing" in said and "payg deploy" in said
        code, said = run(deploy, *at)
        assert code == 0 and "read back right" in said
        unit.wait_restart(1)

        code, said = run(verify, *at)  # blank: every file
        assert code == 0 and "byte for byte" in said and "no identity yet" in said
        unit.wait_restart(2)
        with Worker(unit):
            code, said = run(
                provision, *at, "--batch", batch, "--serial", FIRST.serial, "--station", "one"
            )
        assert code == 0, said

        code, said = run(verify, *at, "--batch", batch)  # sealed: by its answers
        assert code == 0, said
        assert "as the list has it" in said and "files were not read" in said
        assert type_line(unit, "#TOKEN;" + server.make("add", 30)) == f"#TOKEN;VALID;{MONTH}"
        _is_sealed(unit, batch)

        restarts = unit.restarts
        assert type_line(unit, "#TOKEN;" + server.make("extended", 1)).startswith("#TOKEN;VALID;")
        unit.wait_restart(restarts + 1)
        assert unit.do("status")["load"] is False
        code, said = run(verify, *at, "--batch", batch)  # service mode: every file
        assert code == 0, said
        assert "byte for byte" in said and "as the list has it" in said and "service" in said
        _files_are_repaired(unit)

        unit.wait_restart(restarts + 2)
        _is_sealed(unit, batch)
        serial_number, check, count, _ = ask(unit, "ID")
        assert (serial_number, check) == (FIRST.serial, key_check(FIRST.key))
        assert int(count) == server.count
        state, left = ask(unit, "STATUS")
        assert state == "ACTIVE" and MONTH - 600 < int(left) <= MONTH
        assert unit.do("status")["load"] is True
        code, said = run(console, *at)
        assert code == 0 and "service" in said and "provisioned" in said


def _is_sealed(unit, batch):
    """Nothing that wants a prompt gets one, and none of it changes anything."""
    before = ask(unit, "ID"), unit.restarts
    for module, *arguments in ((deploy,), (provision, "--batch", batch, "--serial", FIRST.serial)):
        code, said = run(module, "--port", unit.port, *arguments)
        if module is deploy:
            assert code == 1 and f"is {FIRST.serial} and sealed" in said, said
        else:
            assert code == 0 and "is this unit already" in said, said
    with serial.Serial(unit.port, 115200, timeout=1) as port:
        port.write(b"\x03\x03\x01\x04\x02\r\x05A\x01import os\x04\r#STATUS\r")
        heard = port.read_until(b"#STATUS;")
        assert heard.endswith(b"#STATUS;") and b">" not in heard and b"Trace" not in heard
    assert (ask(unit, "ID"), unit.restarts) == before


def _files_are_repaired(unit):
    """A changed file is seen, and sent anew; the unit restarts."""
    restarts = unit.restarts
    with Prompt(unit.port) as prompt:
        unit.do("advance 60")
        assert unit.restarts == restarts, "there is a watchdog in service mode"
        prompt.run("f = open('firmware/texts_fr.mpy', 'wb'); f.write(b'?'); f.close()")
        prompt.run("f = open('main.old', 'wb'); f.write(b'?'); f.close()")
    code, said = run(verify, "--port", unit.port)
    assert code == 1 and "firmware/texts_fr.mpy differs" in said
    assert "main.old is not of this build" in said
    code, said = run(deploy, "--port", unit.port)
    assert code == 0 and "2 of" in said and "1 removed" in said, said


def test_a_blank_unit_that_runs_is_deployed_to_and_no_watchdog_bites():
    """Ctrl-C stops it; however long the prompt is open then, nothing resets the unit."""
    with SimulatedUnit(board="pico") as unit:
        with Prompt(unit.port) as prompt:
            unit.do("advance 60")
            assert prompt.run("print(controller.unit.identity)").strip() == "None"
            assert unit.restarts == 0
        code, said = run(deploy, "--port", unit.port)
        assert code == 0, said
        unit.wait_restart(1)
        assert ask(unit, "ID")[0] == ""


@pytest.mark.parametrize("line", ["#{0};{1};{2}", "#SETUP;{0};{1};{2}\n"])
def test_the_old_factory_tools_provision_over_a_bare_serial_port(tmp_path, line):
    """Their CSV has serial;code;key, some with spaces in the key; no line end is sent."""
    old = tmp_path / "units.csv"
    old.write_text("SLT000000001;123456789;a29ab82e dc5fbbc4 1ec9530f 6dac86b1\n")
    with SimulatedUnit(board="esp32") as unit:
        with serial.Serial(unit.port, 115200, timeout=10) as port:
            for row in old.read_text().splitlines():
                port.write(line.format(*row.split(";")).encode())
                said = port.read_until(b"\n").decode().strip()
                assert said == f"#SETUP;OK;SLT000000001;{key_check(FIRST.key)}"
            port.write(b"\x03\x01\r#TOKEN;662486790\r")  # sealed at once, and its tokens work
            heard = port.read_until(b"VALID;86400\r\n")
            assert heard.endswith(b"#TOKEN;VALID;86400\r\n") and b">" not in heard
        unit.power_off()
        unit.power_on()
        assert ask(unit, "ID") == ["SLT000000001", key_check(FIRST.key), "2", "0.1.0"]


def test_a_unit_in_service_mode_is_not_made_another_and_seals_itself_again(tmp_path, monkeypatch):
    monkeypatch.setattr(ports, "QUIET", 0.7)
    batch = list_file(tmp_path)
    server = Server(FIRST)
    with SimulatedUnit(board="pico") as unit:
        set_up(unit)
        options = ("--port", unit.port, "--batch", batch, "--serial")
        for serial_number in ("SLT000000002", FIRST.serial):
            restarts = unit.restarts
            type_line(unit, "#TOKEN;" + server.make("extended", 1))
            unit.wait_restart(restarts + 1)
            rest(unit)
            with Prompt(unit.port) as prompt:
                prompt.run("1")
            code, said = run(provision, *options, serial_number)
            if serial_number == FIRST.serial:
                assert code == 0 and "is this unit already" in said, said
            else:
                assert code == 1 and "the unit is SLT000000001 already" in said, said
            unit.wait_restart(restarts + 2)
            assert ask(unit, "ID")[:2] == [FIRST.serial, key_check(FIRST.key)]
        _is_sealed(unit, batch)


def test_service_mode_ends_after_ten_minutes_also_at_the_prompt():
    with SimulatedUnit(board="pico") as unit:
        set_up(unit)
        type_line(unit, "#TOKEN;" + Server(FIRST).make("extended", 1))
        unit.wait_restart(1)
        rest(unit)
        with Prompt(unit.port) as prompt:
            prompt.run("1")
            unit.do("advance 590")
            assert unit.restarts == 1
        unit.do("advance 12")
        unit.wait_restart(2)
        assert ask(unit, "ID")[0] == FIRST.serial


def test_service_mode_ends_after_ten_minutes_also_after_a_soft_reset():
    """A soft reset into the raw prompt, as mpremote does by itself, skips main.py."""
    with SimulatedUnit(board="pico") as unit:
        set_up(unit)
        type_line(unit, "#TOKEN;" + Server(FIRST).make("extended", 1))
        unit.wait_restart(1)
        rest(unit)
        port = SerialTransport(unit.port, baudrate=115200, timeout=5)
        try:
            port.enter_raw_repl(soft_reset=True)
            assert port.exec("import gc; gc.collect(); print('unit' in globals())") == b"False\r\n"
            restarts = unit.restarts
            unit.do("advance 590")
            assert unit.restarts == restarts
        finally:
            port.close()
        unit.do("advance 12")
        unit.wait_restart(restarts + 1)
        assert ask(unit, "ID")[0] == FIRST.serial
        with serial.Serial(unit.port, 115200, timeout=1) as sealed:
            sealed.write(b"\x03\x03\x01\r#STATUS\r")
            assert b">" not in sealed.read_until(b"#STATUS;")


@pytest.mark.parametrize("fault", ["1 / 0", "from board.pico import *\nI2C['sda'] = 3"])
def test_a_blank_board_whose_wiring_fails_leaves_a_way_in(monkeypatch, fault):
    monkeypatch.setattr(ports, "QUIET", 0.7)
    with SimulatedUnit(board="pico", bare=True) as unit:
        at = ("--port", unit.port)
        assert run(deploy, *at)[0] == 0
        unit.wait_restart(1)
        with Prompt(unit.port) as prompt:
            prompt.run(f"f = open('board/custom.py', 'w'); f.write({fault!r}); f.close()")
            prompt.restart()
        unit.wait_restart(2)
        code, said = run(deploy, *at, "--board", "pico")
        assert code == 0 and "1 removed" in said, said
        unit.wait_restart(3)
        assert ask(unit, "ID")[0] == ""
