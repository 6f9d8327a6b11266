"""A folder of `--state` knows its board, and one process at a time uses it."""

import json
import os
import subprocess
import sys

import pytest

from tools.paths import ROOT
from tools.state import StateError, StateFolder


def sim(*arguments, script="status\n", umask=-1):
    command = [sys.executable, "-m", "tools.cli", "sim", "--headless", *map(str, arguments)]
    return subprocess.run(
        command, input=script, capture_output=True, text=True, cwd=ROOT, umask=umask
    )


@pytest.fixture(autouse=True)
def umask():
    """Restore the umask, which a StateFolder changes for the whole process."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


def modes(folder):
    """Return {name: rights} of all that is in a folder, and of the folder itself."""
    return {path.name: path.stat().st_mode & 0o777 for path in [folder, *folder.iterdir()]}


@pytest.mark.parametrize("board", ["pico", "esp32"])
def test_nobody_else_reads_a_units_files(tmp_path, board):
    """The key lies in flash.bin."""
    unit = tmp_path / "units" / "unit"
    assert sim("--state", unit, "--board", board, umask=0).returncode == 0
    found = modes(unit)
    assert found.pop("unit") == 0o700 and (tmp_path / "units").stat().st_mode & 0o777 == 0o700
    assert "flash.bin" in found and set(found.values()) == {0o600}, found
    for path in unit.iterdir():
        path.chmod(0o644)
    assert sim("--state", unit, umask=0).returncode == 0
    found = modes(unit)
    assert found.pop("unit") == 0o700 and set(found.values()) == {0o600}, found


def test_a_folder_keeps_its_board(tmp_path):
    assert sim("--state", tmp_path / "unit", "--board", "pico").returncode == 0
    again = sim("--state", tmp_path / "unit")
    assert json.loads(again.stdout)["display"] == "nOnE", "four digits, not an LCD"
    other = sim("--state", tmp_path / "unit", "--board", "esp32")
    assert (other.returncode, other.stdout, other.stderr.count("\n")) == (1, "", 1)
    assert "is a pico, not a esp32" in other.stderr and "name a new folder" in other.stderr


def test_a_folder_from_before_is_the_simulators_own_board(tmp_path):
    assert sim("--state", tmp_path).returncode == 0
    (tmp_path / "unit.json").unlink()
    assert "\n" in json.loads(sim("--state", tmp_path).stdout)["display"]


def test_two_processes_do_not_use_one_folder(tmp_path):
    with StateFolder(tmp_path, None):
        second = sim("--state", tmp_path)
        assert (second.returncode, second.stdout) == (1, "") and "in use" in second.stderr
    assert sim("--state", tmp_path).returncode == 0


def test_the_simulator_itself_holds_the_folder(tmp_path):
    command = [sys.executable, "-m", "tools.cli", "sim", "--headless", "--state", str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as first:
        first.stdin.write("status\n")
        first.stdin.flush()
        first.stdout.readline()
        with pytest.raises(StateError, match="in use"):
            StateFolder(tmp_path, None)
        first.stdin.close()
    StateFolder(tmp_path, None).close()


@pytest.mark.parametrize("text", ["", "[]", "{}", "no"])
def test_a_damaged_note_is_told(tmp_path, text):
    (tmp_path / "unit.json").write_text(text)
    with pytest.raises(StateError, match="unit.json is damaged.*with --board, or delete the"):
        StateFolder(tmp_path, None)
    with StateFolder(tmp_path, "pico") as folder:
        assert folder.board == "pico"
    with StateFolder(tmp_path, None) as folder:
        assert folder.board == "pico", "the note was made anew"


def test_a_full_disk_leaves_no_half_note(tmp_path):
    (tmp_path / "unit.new").symlink_to("/dev/full")
    with pytest.raises(StateError, match=r"unit.json: No space left on device"):
        StateFolder(tmp_path, "pico")
    assert not (tmp_path / "unit.json").exists()
    (tmp_path / "unit.new").unlink()
    StateFolder(tmp_path, "pico").close()
    told = sim("--state", tmp_path, "--board", "esp32")
    assert "is a pico" in told.stderr


@pytest.mark.parametrize("name", ["flash.bin", "eeprom.bin", "clock.bin"])
def test_a_full_disk_at_the_start_is_one_answer(tmp_path, name):
    (tmp_path / f"{name}.new").symlink_to("/dev/full")
    told = sim("--state", tmp_path)
    assert (told.returncode, told.stdout.count("\n"), told.stderr) == (1, 1, "")
    error = json.loads(told.stdout)["error"]
    assert error.endswith(f"{tmp_path / name}: no space left on the disk")


@pytest.mark.parametrize("command", ["keys 1", "power off", "advance 9"])
def test_a_disk_that_fills_up_later_is_one_answer(tmp_path, command):
    state = tmp_path / "unit"
    code = [sys.executable, "-m", "tools.cli", "sim", "--headless", "--state", str(state)]
    pipe = subprocess.PIPE
    with subprocess.Popen(code, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT) as unit:
        unit.stdin.write("status\n")
        unit.stdin.flush()
        assert "display" in json.loads(unit.stdout.readline())
        (state / "clock.bin.new").symlink_to("/dev/full")
        said, errors = unit.communicate(f"advance 3\n{command}\nstatus\n", timeout=20)
    assert json.loads(said)["error"] == f"{state / 'clock.bin'}: no space left on the disk"
    assert (unit.returncode, errors) == (1, "")


def test_an_output_that_is_full_is_one_plain_sentence(tmp_path):
    command = [sys.executable, "-m", "tools.cli", "sim", "--headless"]
    for more in ([], ["--state", str(tmp_path)]):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                command + more,
                input="status\nadvance 5\n",
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                timeout=20,
            )
        assert done.stderr == "simulator: standard output: no space left on the disk\n"
        assert done.returncode == 1
        (tmp_path / "flash.bin").write_bytes(b"short")


def test_a_file_that_cannot_be_read_is_not_replaced(tmp_path):
    (tmp_path / "flash.bin").mkdir()
    told = sim("--state", tmp_path)
    assert told.returncode == 1 and "flash.bin: " in json.loads(told.stdout)["error"]
    assert (tmp_path / "flash.bin").is_dir()


def test_a_refusal_of_payg_is_a_sentence_and_no_answer(tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text("LOAD = 1\n")
    (tmp_path / "unit.json").write_text("")
    for option, value in (("--custom", bad), ("--state", tmp_path)):
        told = sim(option, value)
        assert (told.returncode, told.stdout) == (1, "") and told.stderr.startswith(
            ("payg", str(bad))
        )
    page = (ROOT / "docs" / "simulator.md").read_text()
    assert "there is no answer, and a sentence on standard error gives the reason" in page


def test_a_file_in_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    told = sim("--state", tmp_path / "file" / "unit")
    assert (
        told.returncode == 1 and told.stderr.count("\n") == 1 and "Not a directory" in told.stderr
    )
