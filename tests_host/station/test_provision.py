"""`payg provision`: the real mpremote, the firmware on simulated chips, a worker's mistakes."""

import contextlib
import errno
import hashlib
import io
import os
import pty
import signal
import threading
import time
import traceback
import tty

import pytest
import rich.console
from click.testing import CliRunner

from firmware.console import key_check as key_check_of_the_unit
from tests_host.station.line import (
    BLANK,
    CHECK,
    FIRST,
    KEYS,
    UNITS,
    Server,
    Worker,
    has_no_key,
    identity_of,
    list_file,
    make,
    rest,
)
from tools import room
from tools.batches.ledger import Ledger
from tools.batches.lists import write_list
from tools.cable.unit import SimulatedUnit
from tools.commands.provision import command
from tools.proofs.simulator import Sim
from tools.station import prompt as ports
from tools.station import selftest as factory
from tools.station.deploy import FREE
from tools.station.prompt import Prompt, RefusedError
from tools.station.provision import Report, Station
from tools.station.selftest import Job, ProvisionError, key_check


def run(*arguments, said=None):
    """Return (exit code, everything it said) of `payg provision`; `said`: to its input."""
    result = CliRunner().invoke(command, [str(word) for word in arguments], input=said)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, has_no_key(result.output)


def test_the_check_value_is_the_units():
    for unit in UNITS.values():
        assert key_check(unit.key) == key_check_of_the_unit(unit.key)


@pytest.mark.parametrize("board", ["pico", "esp32", None])
def test_a_blank_unit_is_tested_written_and_sealed(board):
    with SimulatedUnit(board=board) as unit:
        done, said = make(unit)
        assert done and unit.sent < 2048, unit.sent
        steps = "clock set, load, clock, memory, flash, engine, token, display, keys"
        steps += ", trial, sealed"
        assert ", ".join(said) == steps
        assert said["load"] == (
            "on for a second; voltage 12.60 V, current 500 mA"
            if board
            else "on for a second; voltage not measured, current not measured"
        )
        assert identity_of(unit) == [FIRST.serial, CHECK, "1", "0.1.0"]
        assert unit.do("status")["load"] is False
        assert unit.restarts == 1
        sent = unit.sent
        assert make(unit) == (None, {})  # it is this unit already
        assert unit.restarts == 1 and unit.sent < sent + 60


def test_the_ledgers_firmware_is_that_of_the_files():
    files = {"main.py": ("ab" * 32, 5)}
    assert factory._digest(files) == hashlib.sha256(f"main.py {'ab' * 32}\n".encode()).hexdigest()
    assert factory._digest({}) is None, "the SHA-256 of nothing is no firmware"


def test_a_unit_keeps_its_identity():
    with SimulatedUnit(board="pico") as unit:
        make(unit)
        with pytest.raises(ProvisionError, match="is SLT000000001 already.*Nothing was changed"):
            make(unit, UNITS["SLT000000002"])
        other = FIRST._replace(key=bytes(16))
        with pytest.raises(ProvisionError, match="another key than the list.*Nothing was changed"):
            make(unit, other)
        assert identity_of(unit) == [FIRST.serial, CHECK, "1", "0.1.0"]


def test_all_of_a_row_gets_into_the_unit():
    row = FIRST._replace(count=7, time_divider=24, restricted=True, test_code=123456789)
    with SimulatedUnit(board="esp32") as unit:
        make(unit, row._replace(starting_code=None), language="fr")
        assert identity_of(unit)[2] == "7"
        assert "Bloque" in unit.do("status")["display"]


FILL = """
for name in range(1000):
    with open("junk%d" % name, "wb") as junk:
        junk.write(bytes(600))
"""
CLEAR = "import os\nfor name in os.listdir():\n    if name.startswith('junk'): os.remove(name)"
# (what is wrong, the step that tells, words, how it is repaired)
FAULTS = [
    ("bus 0x57 dead", "memory", "ENODEV.*Check this part", "bus 0x57 alive"),
    ("bus 0x68 dead", "clock set", "OSError.*Check this part", "bus 0x68 alive"),
    ("bus 0x27 dead", "display", "does not answer", "bus 0x27 alive"),
    ("clock rate 0", "clock", "does not run", "clock rate 1"),
    ("supply bridge 1", "load", "voltage behind the switch though it is off", "supply bridge 0"),
    ("supply sensed 0", "load", "no voltage behind", "supply sensed 1"),
    ("supply battery 0", "load", "out of range", "supply battery 12600"),
    ("supply current 20000", "load", "too much current", "supply current 500"),
]


@pytest.mark.parametrize(("fault", "step", "words", "repair"), FAULTS)
def test_what_is_broken_is_named_and_the_unit_stays_blank(fault, step, words, repair):
    with SimulatedUnit(board="esp32") as unit:
        unit.do(fault)
        with pytest.raises(ProvisionError, match=f"{step}: .*{words}") as caught:
            make(unit)
        has_no_key("".join(traceback.format_exception(caught.value)))
        unit.wait_restart(1)
        assert identity_of(unit) == BLANK
        assert unit.do("status")["load"] is False
        unit.do(repair)
        unit.power_off()
        unit.power_on()
        assert make(unit)[0]


def test_keys_that_were_not_pressed_alone_are_named():
    with SimulatedUnit(board="pico") as unit:
        together = ["press 78", "run 60", "release 78"]
        with pytest.raises(ProvisionError, match="keys: 5 7 8 not pressed within 3 s"):
            make(unit, keys=["keys 1234690*#", "keys 1234690*#", *together], seconds=3)
        unit.wait_restart(1)
        assert identity_of(unit) == BLANK


def test_a_stopped_clock_is_set_and_a_dead_one_is_not_believed():
    with SimulatedUnit(board="pico") as unit:
        unit.do("rtc lost")
        assert make(unit)[1]["clock set"] == "set to UTC; a new clock has no time"


def test_records_of_a_former_life_are_left_alone():
    """The flash was lost, the second medium was not: the unit gets its credit back."""
    with SimulatedUnit(board="pico") as unit:
        assert make(unit)[0].told == ()
        unit.do("keys 662486790#")
        unit.do("flash wipe")
        unit.wait_restart(2)
        assert identity_of(unit) == BLANK
        (said,) = make(unit)[0].told
        assert "was believed: the unit goes on with count 2 and 0 d 2" in said
        status = unit.do("status")
        assert status["count"] == 2 and 0 < status["seconds_left"] <= 86400


def test_a_unit_that_is_free_stays_so_and_that_is_told():
    server = Server(FIRST)
    with SimulatedUnit(board="pico") as unit:
        make(unit)
        assert unit.do(f"keys {server.make('disable', None)}#")["result"] == "DISABLE_PAYG"
        unit.do("flash wipe")
        unit.wait_restart(2)
        (said,) = make(unit)[0].told
        assert "goes on with count 3 and free use" in said
        assert unit.do("status")["payg"] is False


def leave_free(unit, sectors):
    """Fill the unit's file system with something of somebody else's until so many are free."""
    with Prompt(unit.port) as prompt:
        length = 4080 * (int(prompt.run(FREE)) // room.SECTOR - sectors)
        prompt.run(f"file = open('theirs', 'wb')\nfile.write(bytes({length}))\nfile.close()")
        assert int(prompt.run(FREE)) // room.SECTOR == sectors


def test_few_free_sectors_leave_the_unit_blank_and_that_is_told():
    with SimulatedUnit(board="esp32", flash_kb=128) as unit:
        rest(unit)
        leave_free(unit, room.LEAST - 1)
        with pytest.raises(ProvisionError, match="flash: .* 11 free .*, 1 sectors in all"):
            make(unit, running=False)
        unit.wait_restart(1)
        assert identity_of(unit) == BLANK
        with Prompt(unit.port) as prompt:
            prompt.run("import os\nos.remove('theirs')")
        leave_free(unit, room.LEAST)
        assert make(unit, running=False)[1]["flash"] == "12 sectors free for the records"


def test_a_full_file_system_leaves_the_unit_blank_and_is_told(monkeypatch):
    with SimulatedUnit(board="pico", flash_kb=96) as unit:
        with Prompt(unit.port) as prompt, pytest.raises(RefusedError) as caught:
            prompt.run(FILL)
        assert caught.value.number == errno.ENOSPC
        with pytest.raises(ProvisionError, match="flash: .* 0 free sectors"):
            make(unit)
        unit.wait_restart(1)
        with monkeypatch.context() as patch:
            patch.setattr(room, "LEAST", 0)  # as if it had filled up since it was looked at
            with pytest.raises(ProvisionError, match="identity was not stored. Its flash is full"):
                make(unit)
        unit.wait_restart(2)
        assert identity_of(unit) == BLANK
        with Prompt(unit.port) as prompt:
            prompt.run(CLEAR)
        assert make(unit)[0]


def test_a_board_without_firmware_is_told():
    with SimulatedUnit(board="pico", bare=True) as unit:
        with pytest.raises(ProvisionError, match="no firmware of this version runs.*payg deploy"):
            make(unit, running=False)


def test_a_unit_that_does_not_answer_is_told(monkeypatch):
    monkeypatch.setattr(ports, "QUIET", 0.1)
    host, slave = pty.openpty()
    tty.setraw(slave)
    try:
        with pytest.raises(ProvisionError, match="does not answer"):
            make(type("Dead", (), {"port": os.ttyname(slave)}), running=False)
    finally:
        os.close(host)
        os.close(slave)


def test_four_at_once_by_the_command_and_the_ledger_knows(tmp_path):
    batch = list_file(tmp_path)
    with contextlib.ExitStack() as stack:
        units = [stack.enter_context(SimulatedUnit(board="pico")) for _ in KEYS]
        for unit in units:
            stack.enter_context(Worker(unit))
        options = [word for unit in units for word in ("--port", unit.port)]
        code, said = run(*options, "--batch", batch, "--serial", "next", "--station", "one")
        assert code == 0, said
        assert said.splitlines()[-1] == "4 of 4 units are provisioned and sealed"
        found = sorted(identity_of(unit)[:2] for unit in units)
    assert found == [[serial, key_check(row.key)] for serial, row in sorted(UNITS.items())]
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        for serial, check in found:
            record = ledger.unit(serial)
            assert (record.station, record.key_check) == ("one", check)
            assert record.provisioned_at and record.firmware_hash is None, "no files of its own"
    port = os.ttyname(pty.openpty()[1])
    code, said = run("--port", port, "--batch", batch, "--serial", "next")
    assert code == 1 and "serial numbers of" in said and "are used or reserved" in said


def test_a_doubled_row_is_named_before_any_simulated_unit_is_made(tmp_path):
    batch = list_file(tmp_path)
    lines = batch.read_text().splitlines()
    batch.write_text("\n".join([*lines, lines[2], ""]))
    code, said = run("--sim", tmp_path / "units", "--batch", batch, "--serial", "all")
    assert code == 1 and "SLT000000002 is in the list twice, in rows 2 and 5" in said, said
    assert not (tmp_path / "units").exists()


@pytest.mark.parametrize("sealed", [True, False])
def test_ctrl_c_ends_with_what_was_done(tmp_path, monkeypatch, sealed):
    """The first unit is sealed; at Ctrl-C the second one is sealed, too, or in the self-test."""
    batch = list_file(tmp_path)
    batch.unlink()
    write_list(batch, list(UNITS.values())[:2])
    first, second = list(UNITS)[:2]
    ready = threading.Event()
    main = threading.main_thread().ident

    def made(station, sim, board, job):
        if job.unit.serial == second:
            ready.wait(5)
            signal.pthread_kill(main, signal.SIGINT)
            while not station._report.stopped:
                time.sleep(0.01)
            return sealed
        ready.set()
        return True

    monkeypatch.setattr(Station, "simulate", made)
    code, said = run("--sim", tmp_path / "units", "--batch", batch, "--serial", "all")
    if sealed:
        assert code == 0 and said.splitlines()[-1] == "2 of 2 units are provisioned and sealed"
    else:
        assert code == 1 and said.splitlines()[-2:] == [
            f"1 of 2 units are provisioned and sealed, not {second}",
            "Aborted!",  # click's own word; `payg` says "Stopped."
        ]


def test_bars_on_a_narrow_terminal_keep_the_serial_number():
    drawn = io.StringIO()
    terminal = rich.console.Console(file=drawn, force_terminal=True, width=60)
    with Report(terminal) as report:
        for number in (1, 2):
            report.unit(f"/dev/ttyACM{number}  SLT00000000{number}")(
                "keys", "press " + "1 2 3 " * 9
            )
    assert "SLT000000001" in drawn.getvalue() and "SLT000000002" in drawn.getvalue()


def test_a_bad_folder_does_not_end_the_other_simulated_units(tmp_path):
    batch = list_file(tmp_path)
    serials = sorted(UNITS)
    units = tmp_path / "units"
    for serial in serials:
        (units / serial).mkdir(parents=True)
    (units / serials[0] / "unit.json").write_text("")
    (units / serials[1] / "flash.bin").write_bytes(b"short")
    (units / serials[2] / "unit.new").symlink_to("/dev/full")
    code, said = run("--sim", units, "--batch", batch, "--serial", "all")
    assert code == 1
    assert "unit.json is damaged" in said and f"{units / serials[1] / 'flash.bin'}: " in said
    assert f"{units / serials[2] / 'unit.json'}: No space left on device" in said
    assert said.count("FAILED") == 3
    last = said.splitlines()[-1]
    assert last == f"3 of 4 units failed: {', '.join(serials[:3])}"


def test_the_worker_scans_and_repeats_and_mistakes_a_label(tmp_path):
    batch = list_file(tmp_path)
    with SimulatedUnit(board="pico") as unit:
        options = ("--port", unit.port, "--batch", batch, "--station", "one")
        code, said = run(*options, said="")
        assert code == 1 and "no serial number was scanned. Nothing was changed" in said
        with Worker(unit):
            code, said = run(*options, said="SLT9\nSLT000000002\n")
        assert code == 0 and "SLT9: not in" in said and "Scan again" in said
        assert "key check " + key_check(UNITS["SLT000000002"].key) in said
        code, said = run(*options, "--serial", "SLT000000002")
        assert code == 0 and "is this unit already, nothing was changed" in said
        code, said = run(*options, "--serial", FIRST.serial)
        assert code == 1 and "is SLT000000002 already" in said
        assert said.splitlines()[-1] == "1 of 1 units failed: SLT000000001"
        assert identity_of(unit)[0] == "SLT000000002"
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        assert ledger.unit(FIRST.serial) is None
        assert "is SLT000000002 already" in ledger.failures(FIRST.serial)[0][2]


def test_a_serial_number_is_given_once(tmp_path):
    batch = list_file(tmp_path)
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        ledger.reserve(FIRST.serial, "two")
        ledger.provisioned(FIRST.serial, "two", None, CHECK, 1)
    with SimulatedUnit(board="pico") as unit:
        options = ("--port", unit.port, "--batch", batch, "--station", "one")
        code, said = run(*options, "--serial", FIRST.serial)
        assert code == 1 and "was provisioned at two" in said and "Nothing was changed" in said
        assert "its memory was lost, repeat with --again" in said
        assert unit.restarts == 0 and unit.do("status")["provisioned"] is False


def test_simulated_units_are_made_by_one_command(tmp_path):
    batch = list_file(tmp_path)
    options = ("--sim", tmp_path / "units", "--batch", batch, "--board", "esp32")
    code, said = run(*options, "--serial", "next")
    assert code == 0 and "1 of 1 units" in said
    code, said = run(*options)
    assert code == 0 and "4 of 4 units" in said and said.count("is this unit already") == 1
    with SimulatedUnit(state=tmp_path / "units" / FIRST.serial, board="esp32") as unit:
        assert identity_of(unit)[:2] == [FIRST.serial, CHECK]
    assert sorted(path.name for path in (tmp_path / "units").iterdir()) == sorted(UNITS)
    for serial in UNITS:  # no record is newer than the clock that was kept beside it
        with Sim(state=tmp_path / "units" / serial, board="esp32") as sim:
            assert sim.status()["clock_faults"] == 0, serial


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "--port, or a directory by --sim"),
        (("--port", "a", "--sim", "b"), "--port, or a directory by --sim"),
        (("--port", "a", "--port", "a"), "named twice"),
        (("--port", "a", "--port", "b", "--serial", "SLT000000001"), "several ports need"),
        (("--port", "a", "--serial", "all"), "are for --sim"),
        (("--port", "a", "--serial", "next", "--again"), "--again is for units that are named"),
        (("--sim", "a", "--again"), "--again is for units that are named"),
    ],
)
def test_command_lines_that_make_no_sense(tmp_path, options, words):
    code, said = run(*options, "--batch", list_file(tmp_path))
    assert code == 2 and words in said


def test_bars_are_drawn_on_a_terminal():
    drawn = io.StringIO()
    terminal = rich.console.Console(file=drawn, force_terminal=True, width=120)
    with SimulatedUnit(board="pico") as unit, Report(terminal) as report:
        make(unit, tell=report.unit("/dev/x  A1"))
    text = drawn.getvalue()
    assert "/dev/x  A1" in text and "\u2501" in text
    assert "answers as SLT000000001" in text


def test_a_worker_who_stops_it_leaves_a_blank_unit_and_the_ledger_knows(tmp_path):
    with SimulatedUnit(board="pico") as unit, Ledger(str(tmp_path / "ledger.db")) as ledger:
        rest(unit)
        with Report(rich.console.Console(file=io.StringIO())) as report:
            report.stopped = True
            assert Station("one", ledger, report).make(unit.port, Job(FIRST)) is False
        unit.wait_restart(1)
        assert identity_of(unit) == BLANK
        assert ledger.failures(FIRST.serial)[0][2] == "stopped at the station"
        assert ledger.unit(FIRST.serial) is None


def test_too_few_serial_numbers_are_given_back(tmp_path):
    batch = list_file(tmp_path)
    batch.unlink()
    write_list(batch, [FIRST])
    ends = [pty.openpty() for _ in range(2)]  # nobody answers there
    names = [os.ttyname(end) for _, end in ends]
    ports_named = ("--port", names[0], "--port", names[1])
    code, said = run(*ports_named, "--batch", batch, "--serial", "next", "--station", "one")
    assert code == 1 and "is free for every unit. Nothing was changed" in said
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        assert ledger.begun("one") == []
        assert ledger.next_serial([FIRST.serial], "one") == FIRST.serial
        code, said = run("--port", names[0], "--batch", batch, "--serial", "next")
        assert code == 1
    code, said = run("--port", names[0], "--batch", batch, "--serial", "next", "--station", "one")
    assert code == 1 and "Begun here and not finished: SLT000000001" in said


PANEL = """
from firmware import app
import time
async def wrong(self):
    {}
app.App._keep_panel = wrong
"""


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("while True: time.sleep(1)", "stopped by a reset or hangs within 1 s.*restarts blank"),
        ("raise OSError(5)", "the firmware fails: .*OSError.*board file"),
        ("import machine; machine.reset()", "stopped by a reset or hangs within 1 s"),
    ],
)
def test_firmware_that_does_not_run_sealed_leaves_the_unit_blank_and_open(wrong, told):
    with SimulatedUnit(board="pico") as unit:
        rest(unit)
        with Prompt(unit.port) as prompt:
            prompt.run(PANEL.format(wrong))
        with pytest.raises(ProvisionError, match=f"trial: .*{told}"):
            make(unit, running=False)
        unit.wait_restart(1)
        assert identity_of(unit) == BLANK
        assert make(unit)[0], "it is open to the station, and good again"


def test_a_unit_of_another_version_is_told():
    with SimulatedUnit(board="pico") as unit:
        rest(unit)
        with Prompt(unit.port) as prompt:
            prompt.run("from firmware.factory import SelfTest")
            prompt.run("SelfTest.clock = lambda *a: print('1 2')")
        with pytest.raises(ProvisionError, match="in another way"):
            make(unit, running=False)


def test_a_unit_that_is_not_heard_after_its_seal_keeps_its_serial_number(tmp_path, monkeypatch):
    monkeypatch.setattr(factory, "BACK", 0)
    ledger_file = str(tmp_path / "ledger.db")
    with SimulatedUnit(board="pico") as unit, Ledger(ledger_file) as ledger:
        rest(unit)
        report = Report(rich.console.Console(file=io.StringIO()))
        station = Station("one", ledger, report)

        def press(keys):
            threading.Thread(target=unit.do, args=(f"keys {keys}",), daemon=True).start()

        def pull(port, row):
            unit.pull()
            return real(port, row)

        real = factory._confirm
        monkeypatch.setattr(factory, "_confirm", pull)
        job = Job(FIRST, seconds=20, robot=press)
        # While somebody has it open the port's name is not given to another unit's cable.
        held = os.open(unit.port, os.O_RDWR | os.O_NOCTTY)
        assert station.make(unit.port, job) is False
        assert ledger.next_serial([FIRST.serial], "one") is None
        assert ledger.unit(FIRST.serial).provisioned_at is None
        unit.plug()
        os.close(held)
        assert station.make(unit.port, job) is True
        assert ledger.unit(FIRST.serial).key_check == CHECK


def test_a_wrong_port_is_noticed_before_a_label_is_scanned(tmp_path):
    batch = list_file(tmp_path)
    (tmp_path / "ledger.db").unlink()
    for port, told in (
        ("/dev/null", "/dev/null is not a serial port"),
        (str(tmp_path / "ttyACM7"), "there is no port"),
        (str(batch), "is not a serial port"),
    ):
        done = CliRunner().invoke(command, ["--port", port, "--batch", str(batch)])
        assert done.exit_code == 1 and told in done.output, done.output
        assert "Scan" not in done.output, "nobody is asked"
    assert not (tmp_path / "ledger.db").exists(), "no failure is recorded"
