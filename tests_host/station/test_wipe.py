"""`payg wipe`: a unit in service mode becomes blank, and its old tokens never work again."""

import pytest
from click.testing import CliRunner

from tests_host.station.line import (
    CHECK,
    FIRST,
    UNITS,
    Server,
    Worker,
    has_no_key,
    identity_of,
    list_file,
    rest,
    set_up,
    type_line,
)
from tools.batches.ledger import Ledger, TakenError
from tools.batches.lists import write_list
from tools.cable.unit import SimulatedUnit
from tools.cli import payg
from tools.station import prompt as ports
from tools.station.prompt import Prompt
from tools.station.wipe import ERASE

SECOND = "SLT000000002"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(ports, "QUIET", 0.7)


def run(*arguments, **options):
    """Return (exit code, everything it said) of `payg`."""
    result = CliRunner().invoke(payg, [str(word) for word in arguments], **options)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, has_no_key(result.output)


def serve(unit, server):
    """Bring a sealed unit into service mode."""
    restarts = unit.restarts
    assert type_line(unit, "#TOKEN;" + server.make("extended", 1)).startswith("#TOKEN;VALID")
    unit.wait_restart(restarts + 1)
    rest(unit)


@pytest.mark.long
def test_wiped_and_made_another_unit(tmp_path):
    batch, server = list_file(tmp_path), Server(FIRST)
    with (
        SimulatedUnit(tmp_path / "unit", "pico") as unit,
        Ledger(str(tmp_path / "ledger.db")) as ledger,
    ):
        options = ("--port", unit.port, "--batch", batch, "--station", "one")
        set_up(unit)
        paid = server.make("add", 30)
        assert type_line(unit, "#TOKEN;" + paid).startswith("#TOKEN;VALID")
        code, said = run("wipe", *options)
        assert code == 1 and "sealed" in said and "--extended 1" in said
        serve(unit, server)
        with Prompt(unit.port) as prompt:
            prompt.run("f = open('state/calibration.0', 'w'); f.write('{}'); f.close()")

        code, said = run("wipe", *options, input="n\n")
        assert code == 1 and ledger.wipes() == {}
        assert f"{FIRST.serial} has count {server.count}. Its credit, 29 d 23:" in said
        restarts = unit.restarts
        code, said = run("wipe", *options, "--yes")
        assert code == 0 and "is wiped" in said, said
        unit.wait_restart(restarts + 1)
        assert identity_of(unit)[0] == ""
        assert ledger.count(FIRST.serial) == server.count
        rest(unit)
        with Prompt(unit.port) as prompt:
            left = prompt.run("import os; print(sorted(os.listdir('state')))")
            assert "calibration.0" in left and "full" not in left and "identity" not in left
            prompt.restart()

        code, said = run("provision", *options, "--serial", FIRST.serial, "--again")
        assert code == 1 and "was wiped at one" in said
        code, said = run("token", "--batch", batch, "--serial", FIRST.serial, "--add", 1)
        assert code == 1 and "was wiped at one" in said
        rest(unit)
        with Worker(unit):
            code, said = run("provision", *options, "--serial", "next")
        assert code == 0, said
        assert identity_of(unit)[0] == SECOND
        assert type_line(unit, "#TOKEN;" + paid).startswith("#TOKEN;INVALID")
        assert type_line(unit, "#STATUS") == "#STATUS;INACTIVE"

        code, said = run("ledger", "show", FIRST.serial, "--ledger", tmp_path / "ledger.db")
        assert f"wiped at one, count {server.count}" in said
        code, said = run("export", "--batch", batch, "--out", tmp_path / "moved.csv")
        moved = (tmp_path / "moved.csv").read_text()
        assert code == 0 and FIRST.serial not in moved and SECOND in moved


def test_the_wrong_list_is_refused_and_a_blank_unit_is_left_alone(tmp_path):
    server = Server(FIRST)
    other = tmp_path / "other.csv"
    write_list(other, [FIRST._replace(key=UNITS[SECOND].key), UNITS["SLT000000003"]])
    third = tmp_path / "third.csv"
    write_list(third, [UNITS["SLT000000003"]])
    Ledger(str(tmp_path / "ledger.db")).close()
    with SimulatedUnit(tmp_path / "unit") as unit:
        options = ("wipe", "--port", unit.port, "--yes", "--batch")
        code, said = run(*options, list_file(tmp_path))
        assert code == 0 and "is blank. Nothing was changed" in said
        unit.wait_restart(1)
        set_up(unit)
        serve(unit, server)
        for batch, expected in ((other, "another key than the list"), (third, "not in ")):
            code, said = run(*options, batch)
            assert code == 1 and expected in said
        unit.power_off()
        unit.power_on()
        assert identity_of(unit)[0] == FIRST.serial
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        assert ledger.wipes() == {}


STEPS = 8  # writes of ERASE; counted by the last case, whose power stays on


@pytest.mark.parametrize("step", range(1, STEPS + 2))
def test_power_lost_while_it_is_wiped_leaves_the_unit_or_a_blank_one(tmp_path, step):
    """Never a unit with its identity and without its records: its tokens would work again."""
    server = Server(FIRST)
    with SimulatedUnit(tmp_path / "unit") as unit:
        set_up(unit)
        paid = server.make("add", 30)
        assert type_line(unit, "#TOKEN;" + paid).startswith("#TOKEN;VALID")
        serve(unit, server)
        with Prompt(unit.port) as prompt:
            unit.do(f"cut {step}")
            if step > STEPS:
                prompt.run(ERASE)
                assert unit.do("status")["power"]
            else:
                prompt._transport.exec_raw_no_follow(ERASE)
                while unit.do("status")["power"]:
                    pass
        unit.power_off()
        unit.power_on()
        serial_number, _, count, _ = identity_of(unit)
        assert (serial_number, int(count)) in (("", 0), (FIRST.serial, server.count))
        if serial_number:
            assert type_line(unit, "#TOKEN;" + paid).startswith("#TOKEN;ALREADY_USED")


def test_a_row_whose_unit_was_wiped_may_be_of_another_list(tmp_path):
    """The wrong list at the station: the right one has the same serial numbers."""
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        ledger.reserve(SECOND, "one")
        ledger.provisioned(SECOND, "one", "f1", "c0ffee00")
        ledger.wiped(SECOND, "one", UNITS[SECOND].key, "c0ffee00", 7)
        ledger.wiped(SECOND, "one", UNITS[SECOND].key, "c0ffee00", 9)
        assert [wipe.count for wipe in ledger.wipes().values()] == [7]
        with pytest.raises(TakenError, match="was wiped at one"):
            ledger.refuse_keys([(SECOND, UNITS[SECOND].key)])
        ledger.refuse_keys([(SECOND, FIRST.key)])
        assert ledger.next_serial([SECOND], "two") is None
        ledger.reserve(SECOND, "two")
        ledger.provisioned(SECOND, "two", "f1", "c0ffee01", ledger.count(SECOND))
        assert ledger.unit(SECOND).key_check == "c0ffee01" and ledger.count(SECOND) == 9


def test_a_wipe_with_another_ledger_frees_no_serial_number_there(tmp_path):
    """Another factory's list has the same serial number with another key."""
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        ledger.reserve(SECOND, "one")
        ledger.claim(SECOND, "one", "0a", UNITS[SECOND].key)
        ledger.provisioned(SECOND, "one", "f1", "c0ffee00")
        ledger.wiped(SECOND, "one", FIRST.key, "0badcafe", 7)
        with pytest.raises(TakenError, match="was provisioned at one"):
            ledger.reserve(SECOND, "two")
        with pytest.raises(TakenError, match="begun on another board"):
            ledger.claim(SECOND, "two", "0b", UNITS[SECOND].key)


def test_a_key_that_is_wiped_while_another_board_is_made_is_not_given(tmp_path):
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        ledger.reserve(SECOND, "one")
        ledger.claim(SECOND, "one", "0a", UNITS[SECOND].key)
        ledger.wiped(SECOND, "two", UNITS[SECOND].key, "c0ffee00", 7)
        with pytest.raises(TakenError, match="was wiped meanwhile"):
            ledger.claim(SECOND, "one", "0a", UNITS[SECOND].key)


def test_a_wipe_that_was_begun_and_not_finished_can_be_finished(tmp_path):
    """The ledger says wiped, the unit lives: a service token is issued, no other token."""
    batch, server = list_file(tmp_path), Server(FIRST)
    with (
        SimulatedUnit(tmp_path / "unit", "pico") as unit,
        Ledger(str(tmp_path / "ledger.db")) as ledger,
    ):
        set_up(unit)
        ledger.wiped(FIRST.serial, "one", FIRST.key, CHECK, server.count)
        one = ("token", "--batch", batch, "--serial", FIRST.serial)
        code, said = run(*one, "--add", 30)
        assert code == 1 and "was wiped at one" in said
        code, said = run(*one, "--extended", 1)
        assert code == 0, said
        digits = "".join(said.partition("token ")[2].split("\n")[0].split())
        restarts = unit.restarts
        assert type_line(unit, "#TOKEN;" + digits).startswith("#TOKEN;VALID")
        unit.wait_restart(restarts + 1)
        rest(unit)
        code, said = run("wipe", "--port", unit.port, "--batch", batch, "--yes")
        assert code == 0 and "is wiped" in said, said
        unit.wait_restart(restarts + 2)
        assert identity_of(unit)[0] == ""
