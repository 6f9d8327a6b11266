"""A unit that lost its flash is provisioned again: no token that was used works a second time."""

import re
import shutil

import pytest
import serial
from click.testing import CliRunner

from tests_host.station.line import FIRST, Worker, has_no_key, identity_of, list_file
from tools.batches.ledger import Ledger
from tools.batches.lists import write_list
from tools.cable.unit import SimulatedUnit
from tools.cli import payg
from tools.seconds import DAY


class Shop:
    """A list with a ledger, the station that makes units of it, and who sells tokens."""

    def __init__(self, folder):
        self.folder = folder
        self.batch = list_file(folder)

    def say(self, *words):
        """Return (exit code, what it said) of a `payg` command."""
        done = CliRunner().invoke(payg, [str(word) for word in words])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, has_no_key(done.output)

    def token(self, kind, *value):
        """Return the digits of a token that is issued by way of the ledger."""
        code, said = self.say(
            "token", "--batch", self.batch, "--serial", FIRST.serial, f"--{kind}", *value
        )
        assert code == 0, said
        return re.search(r"^token ([\d ]+)$", said, re.MULTILINE).group(1).replace(" ", "")

    def make(self, unit, *more, station="one"):
        """Provision a Pico that runs the firmware; return (exit code, what was said)."""
        options = ("--batch", self.batch, "--serial", FIRST.serial, "--station", station)
        with Worker(unit):
            return self.say("provision", "--port", unit.port, *options, *more)

    def deploy(self, unit):
        """Put this checkout's firmware onto a bare board."""
        restarts = unit.restarts
        code, said = self.say("deploy", "--port", unit.port)
        assert code == 0, said
        unit.wait_restart(restarts + 1)

    def ledger(self):
        """The ledger beside the list."""
        return Ledger(str(self.folder / "ledger.db"))


@pytest.fixture
def provisioned(tmp_path):
    """A shop, the state directory of a Pico, and the Pico, provisioned by the shop."""
    shop, state = Shop(tmp_path), tmp_path / "unit"
    with SimulatedUnit(board="pico", state=state) as unit:
        assert shop.make(unit)[0] == 0
        yield shop, state, unit


def enter(unit, digits):
    """Enter a token over the console; return the word of its answer."""
    with serial.Serial(unit.port, 115200, timeout=10) as port:
        port.write(f"#TOKEN;{digits}\r".encode())
        unit.do("advance 4")  # it thinks for three seconds about a token that is refused
        return port.read_until(b"\n").decode().strip().split(";")[1]


def lose_flash(unit, state):
    """The flash is bare again, the second medium is as it was."""
    unit.power_off()
    (state / "flash.bin").unlink()


@pytest.mark.long
def test_an_older_second_medium_put_back_makes_no_used_token_good_again(tmp_path):
    shop, state = Shop(tmp_path), tmp_path / "unit"
    with SimulatedUnit(board="pico", bare=True, state=state) as unit:
        shop.deploy(unit)
        code, said = shop.make(unit)
        assert code == 0 and "believed" not in said and "ledger's" not in said, said
        tokens = [shop.token("add", 30) for _ in range(9)]
        assert enter(unit, tokens[0]) == "VALID"
        unit.power_off()
        shutil.copy(state / "eeprom.bin", tmp_path / "older")
        unit.power_on()
        assert {enter(unit, digits) for digits in tokens[1:]} == {"VALID"}

        lose_flash(unit, state)
        shutil.copy(tmp_path / "older", state / "eeprom.bin")
        unit.power_on()
        shop.deploy(unit)
        code, said = shop.make(unit)  # it was provisioned: somebody has to know that it is again
        assert code == 1 and "was provisioned at one" in said and "repeat with --again" in said
        assert unit.do("status")["provisioned"] is False
        code, said = shop.make(unit, "--again", station="two")
        assert code == 0, said
        assert "Its count is 18, the ledger's" in said
        assert "The second medium was not believed: it knows less than count 18" in said
        assert "gives it by a token" in said

        status = unit.do("status")
        assert (status["count"], status["seconds_left"], status["load"]) == (18, 0, False)
        assert {enter(unit, digits) for digits in tokens} == {"ALREADY_USED"}
        assert unit.do("status")["seconds_left"] == 0
        assert enter(unit, shop.token("add", 2)) == "VALID"
        assert unit.do("status")["seconds_left"] <= 2 * DAY
        with shop.ledger() as ledger:
            assert ledger.unit(FIRST.serial).station == "two"
            ((_, station, why),) = [
                row for row in ledger.failures(FIRST.serial) if "memory" in row[2]
            ]
            assert station == "two" and why.startswith("lost its memory: SLT000000001 was prov")
        unit.power_off()  # the older copy once more: the flash decides now
        shutil.copy(tmp_path / "older", state / "eeprom.bin")
        unit.power_on()
        assert unit.do("status")["count"] == 20
        assert enter(unit, tokens[3]) == "ALREADY_USED"


def test_a_second_medium_that_knows_all_that_was_issued_is_believed(provisioned):
    shop, state, unit = provisioned
    tokens = [shop.token("add", 30), shop.token("set", 3)]
    assert enter(unit, tokens[1]) == "VALID"
    lose_flash(unit, state)
    unit.power_on()
    code, said = shop.make(unit, "--again")
    assert code == 0 and "not believed" not in said, said
    assert "The second medium was believed: the unit goes on with count 3 and 2 d 2" in said
    assert {enter(unit, digits) for digits in tokens} == {"ALREADY_USED"}
    left = unit.do("status")["seconds_left"]
    assert 3 * DAY - 3600 - 120 < left < 3 * DAY - 3600
    assert enter(unit, shop.token("add", 1)) == "VALID"


def test_without_a_second_medium_only_the_count_is_told(provisioned):
    shop, state, unit = provisioned
    digits = shop.token("add", 30)
    assert enter(unit, digits) == "VALID"
    lose_flash(unit, state)
    (state / "eeprom.bin").unlink()
    unit.power_on()
    code, said = shop.make(unit, "--again")
    assert code == 0 and "believed" not in said and "Its count is 2, the ledger's" in said
    assert enter(unit, digits) == "ALREADY_USED"


def test_a_list_that_knows_more_than_the_ledger_decides(provisioned, tmp_path):
    shop, state, unit = provisioned
    assert enter(unit, shop.token("add", 30)) == "VALID"
    write_list(tmp_path / "exported.csv", [FIRST._replace(count=50)])
    shop.batch = tmp_path / "exported.csv"
    lose_flash(unit, state)
    unit.power_on()
    code, said = shop.make(unit, "--again")
    assert code == 0 and "ledger's" not in said and "less than count 50" in said, said
    assert identity_of(unit)[2] == "50"
    assert enter(unit, shop.token("add", 1)) == "VALID"


def test_tokens_of_before_the_first_time_do_not_work_and_that_is_told(tmp_path):
    """Somebody may have provisioned it by other means; the ledger cannot know that."""
    shop = Shop(tmp_path)
    digits = shop.token("add", 30)
    with SimulatedUnit(board="pico") as unit:
        code, said = shop.make(unit)
        assert code == 0 and "no token that was issued before works on it" in said
        assert enter(unit, digits) == "ALREADY_USED"


def test_again_is_for_the_same_key_and_does_nothing_to_a_unit_that_lost_nothing(
    provisioned, tmp_path
):
    shop, state, unit = provisioned
    assert enter(unit, shop.token("add", 30)) == "VALID"
    with shop.ledger() as ledger:
        before = ledger.unit(FIRST.serial)
    code, said = shop.make(unit, "--again", station="two")
    assert code == 0 and "is this unit already, nothing was changed" in said
    restarts = unit.restarts
    assert enter(unit, shop.token("extended", 1)) == "VALID"
    unit.wait_restart(restarts + 1)  # into service mode, where there is a prompt
    code, said = shop.make(unit, "--again", station="two")
    assert code == 0 and "is this unit already, nothing was changed" in said, said
    assert identity_of(unit)[2] == "4"
    with shop.ledger() as ledger:
        assert ledger.unit(FIRST.serial) == before
    lose_flash(unit, state)
    unit.power_on()
    write_list(tmp_path / "other.csv", [FIRST._replace(key=bytes(range(16)))])
    shop.batch = tmp_path / "other.csv"
    code, said = shop.make(unit, "--again")
    assert code == 1 and "with another key than the list has" in said
    assert unit.do("status")["provisioned"] is False


def test_a_failed_attempt_leaves_the_serial_number_taken(provisioned):
    shop, state, unit = provisioned
    lose_flash(unit, state)
    unit.power_on()
    unit.do("clock rate 0")
    code, said = shop.make(unit, "--again")
    assert code == 1 and "clock: it does not run" in said
    with shop.ledger() as ledger:
        assert ledger.next_serial([FIRST.serial], "one") is None
        assert ledger.unit(FIRST.serial).provisioned_at
    unit.do("clock rate 1")
    unit.power_off()
    unit.power_on()
    assert shop.make(unit, "--again")[0] == 0
