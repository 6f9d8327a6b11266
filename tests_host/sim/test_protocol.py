"""The line protocol and the runner, with a tiny firmware that does as each entry says."""

import json

import pytest

from tests_host.helpers.tables import quoted, table
from tests_host.sim.conftest import TINY
from tools.sim.session import _ALL

KEY = "00112233445566778899aabbccddeeff"
FIELDS = {
    *("t", "power", "display", "load", "payg", "active", "seconds_left", "count", "result"),
    *("locked_seconds", "clock_faults", "provisioned", "uart"),
}


def test_an_answer_has_exactly_its_fields(sim):
    for command in ("status", "keys 1", "power off", "status", "power on", "cut 0"):
        assert set(sim.do(command)) == FIELDS


def test_the_end_of_the_input_ends_it_without_a_word(start):
    sim = start()
    assert sim.wait() == 0
    assert sim.read_line() == "", "one answer for each command, nothing else"
    answer, code = start().close()
    assert set(answer) == FIELDS and code == 0


def test_keys_become_entries(sim):
    assert sim.do("keys 12")["result"] is None
    answer = sim.do("keys 3*")
    assert answer["result"] is None
    assert sim.do("keys #")["result"] == "DONE 123*"
    assert sim.do("keys 0#77#")["result"] == "DONE 77"
    assert sim.do("status")["result"] is None


def test_a_key_takes_less_than_300_ms(sim):
    before = sim.do("levels")["ms"]
    sim.do("keys 123456789*0")
    assert 0 < sim.do("levels")["ms"] <= 11 * 300
    assert before < 2000


@pytest.mark.parametrize(
    "line",
    ("", "hello", "keys", "keys ", "keys 1 2", "keys 12x", "keys ²", "keys A#", "keys 1\t2")
    + ("advance", "advance -1", "advance 1.5", "advance x", "advance 1 2", "advance ²")
    + ("advance 99999999999", "advance 34560001", "run 34560000001")
    + ("power", "power maybe", "power on off", "cut", "cut -1", "cut x", "status now")
    + ("rtc", "rtc set", "rtc set x", "rtc set 1.5", "rtc lost now", "rtc set +-1")
    + ("clock", "clock rate", "clock rate -1", "clock rate nan", "clock rate 1001", "clock 1")
    + ("flash", "flash all", "run", "run x", "levels all", "provision me", "quit now")
    + ("press", "press A", "press 1 2", "release", "bounce", "bounce 16", "bounce x"),
)
def test_malformed_lines_are_refused_and_the_run_goes_on(sim, line):
    before = sim.do("status")
    answer = sim.do(line)
    assert set(answer) == {"error"}
    assert sim.do("status") == before


def test_nothing_is_pressed_by_malformed_keys(sim):
    sim.do("keys 12x")
    assert sim.do("keys #")["result"] == "DONE "


def test_bytes_that_are_no_text(start):
    sim = start()
    sim._process.stdin.write(b"\xff\xfe\nstatus\n")
    sim._process.stdin.flush()
    assert "error" in json.loads(sim.read_line())
    assert "power" in json.loads(sim.read_line())


def test_time_passes_only_when_it_should(sim):
    assert sim.do("status")["t"] == 0
    for _ in range(5):
        assert sim.do("status")["t"] == 0
    assert sim.do("advance 0")["t"] == 0
    assert sim.do("advance 3600")["t"] == 3600
    assert sim.do("run 700")["t"] in (3600, 3601)
    assert sim.do("advance 2592000")["t"] in (2595600, 2595601)
    assert sim.do("power off")["t"] == 0
    sim.do("advance 100")
    assert sim.do("power on")["t"] == 0


def test_without_power(sim):
    sim.do("keys 1")
    sim.do("keys *#")
    before = sim.do("advance 5")
    assert before["load"] and before["seconds_left"] == 5
    off = sim.do("power off")
    assert off == sim.do("advance 100") == sim.do("power off")
    blank = {"t": 0, "power": False, "load": False, "display": "", "uart": [], "result": None}
    assert off == dict(before, **blank)
    for line in ("keys 1", "uart x", "provision"):
        assert "error" in sim.do(line)
    on = sim.do("power on")
    assert on["power"] and not on["load"] and on["t"] == 0
    assert sim.do("power on") == on


def test_a_reset_starts_all_modules_anew(sim):
    assert sim.do("status")["count"] == 1
    sim.do("advance 10")
    answer = sim.do("keys 2#")
    assert answer["count"] == 1
    assert answer["result"] is None
    assert answer["t"] >= 10 and answer["seconds_left"] == 0
    assert answer["active"] == 3  # the reset cause
    assert not answer["load"]
    assert sim.do("keys 7#")["result"] == "DONE 7"


@pytest.mark.parametrize(
    "entry, said",
    (("1", "ValueError: as was wished"), ("3", "main.py ended"), ("5", "GPIO6")),
)
def test_a_firmware_that_ends_is_told_and_restarted(sim, entry, said):
    answer = sim.do(f"keys {entry}#")
    assert answer["power"] and answer["result"] is None
    assert said in sim.stderr()
    assert sim.do("keys 7#")["result"] == "DONE 7"


def test_a_firmware_that_does_not_stay_up_is_given_up(start, tmp_path):
    for part in ("boot.py", "board", "firmware"):
        (tmp_path / part).symlink_to(TINY / part)
    (tmp_path / "main.py").write_text('raise ValueError("boom")\n')
    sim = start(root=str(tmp_path))
    answer = json.loads(sim.read_line())
    assert "without staying up" in answer["error"]
    assert sim.wait() == 2
    assert sim.stderr().count("boom") >= 6


def test_the_watchdog_resets(sim):
    assert sim.do("keys 4#")["result"] == "DONE 4"
    answer = sim.do("advance 1")
    assert answer["active"] == 3 and answer["seconds_left"] == 0
    assert "watchdog" in sim.stderr()


def test_blocking_and_polling_firmware(sim):
    assert sim.do("keys 6#")["result"] == "DONE 6"
    assert sim.do("keys 7#")["result"] == "DONE 7"


def test_an_entry_that_takes_too_long_is_answered_all_the_same(sim):
    assert sim.do("keys 9#")["result"] is None
    assert sim.do("advance 2")["result"] == "DONE 9"


def test_cuts_in_flash_and_eeprom(sim):
    for entry in ("0", "8"):
        sim.do("cut 1")
        answer = sim.do(f"keys {entry}#")
        assert not answer["power"] and answer["result"] is None and not answer["load"]
        assert not sim.do("advance 10")["power"]
        assert sim.do("power on")["power"]
        assert sim.do(f"keys {entry}#")["result"] == f"DONE {entry}"


def test_a_cut_is_counted_over_all_memories_and_can_be_taken_back(sim):
    sim.do("cut 2")
    assert sim.do("keys 8#")["power"]
    assert not sim.do("keys 8#")["power"]
    sim.do("power on")
    sim.do("cut 1")
    sim.do("cut 0")
    assert sim.do("keys 8#")["power"]


def test_entries_before_the_cut_are_told(sim):
    sim.do("cut 1")
    answer = sim.do("keys 7#8#7#")
    assert (answer["power"], answer["result"]) == (False, "DONE 7")


def test_switches_one_by_one(sim):
    sim.do("press 7")
    sim.do("advance 60")  # the firmware waits for the key to be let go
    sim.do("release 7")
    sim.do("run 50")
    assert sim.do("keys #")["result"] == "DONE 7"


def test_bouncing_contacts_come_to_rest(sim):
    sim.do("bounce 15")
    answers = [sim.do(f"{move} 7") for move in ("press", "release") for _ in range(3)]
    assert len(answers) == 6
    assert sim.do("run 100")["power"]
    sim.do("bounce 0")
    sim.do("keys *#")
    assert sim.do("keys 7#")["result"] == "DONE 7"


def test_the_console(sim):
    answer = sim.do("uart hello  there")
    assert answer["uart"] == ["got hello  there", "and more"]
    assert sim.do("status")["uart"] == []
    assert sim.do("uart")["uart"] == ["got", "and more"]


def test_provisioning(start):
    sim = start(serial="A1", key=KEY)
    assert sim.do("status")["provisioned"]
    assert sim.do("provision")["provisioned"]
    assert not sim.do("flash wipe")["provisioned"]
    assert sim.do("provision")["provisioned"]
    blank = start()
    assert not blank.do("status")["provisioned"]
    answer = blank.do("provision")
    assert answer == {"error": "no identity given: start with --serial and --key"}


def test_a_wrong_identity_is_refused_without_the_key(start):
    sim = start(serial="", key=KEY)
    line = sim.read_line()
    assert "no serial number" in json.loads(line)["error"]
    assert KEY not in line + sim.stderr()
    assert sim.wait() == 2


def test_flash_reports_and_is_wiped(sim):
    report = sim.do("flash report")
    assert report["sectors"] == len(report["erases"]) == 352
    sim.do("keys 0#")
    after = sim.do("flash report")
    assert after["most"] == max(after["erases"]) >= report["most"]
    assert sum(after["erases"]) >= sum(report["erases"])
    sim.do("power off")
    assert not sim.do("flash wipe")["power"]
    assert sim.do("power on")["power"]


def test_levels(sim):
    sim.do("levels")
    sim.do("keys 7#")
    answer = sim.do("levels")
    assert answer["on"]["load"] is True
    assert [change[1:] for change in answer["changes"]] == [["load", True]]
    assert sim.do("levels") == dict(answer, ms=0, changes=[])


def test_nobody_reads_the_answers(start):
    sim = start()
    sim.do("status")
    sim._process.stdout.close()
    sim._send(["status"])
    sim._process.stdin.close()
    assert sim._process.wait(20) == 0
    assert sim.stderr() == ""


def test_an_interrupt_ends_it_quietly(start):
    sim = start()
    sim.do("status")
    sim._process.send_signal(2)
    assert sim._process.wait(20) == 130
    assert sim.stderr() == ""


def test_the_page_names_each_command():
    named = {
        said.split()[0] for row in table("simulator.md", "Commands") for said in quoted(row[0])
    }
    assert named == set(_ALL)
