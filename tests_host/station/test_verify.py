"""`payg verify`: what a unit that is not what it should be is told to be."""

import pytest
from click.testing import CliRunner

from tests_host.station.line import FIRST, has_no_key, list_file, rest, set_up
from tools.batches.lists import write_list
from tools.cable.unit import SimulatedUnit
from tools.commands.verify import command
from tools.station.prompt import Prompt
from tools.station.verify import VerifyError, _compare, _sealed


def run(*arguments):
    """Return (exit code, what it said)."""
    result = CliRunner().invoke(command, [str(word) for word in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, has_no_key(result.output)


def test_a_sealed_unit_is_known_by_its_key_check_value(tmp_path):
    batch = list_file(tmp_path)
    with SimulatedUnit(board="pico") as unit:
        set_up(unit)
        at = ("--port", unit.port)
        code, said = run(*at)
        assert code == 0 and "not compared, name the list" in said and "not read" in said
        code, said = run(*at, "--batch", batch)
        assert code == 0 and "as the list has it" in said
        other = tmp_path / "other.csv"
        write_list(other, [FIRST._replace(key=bytes(range(16)))])
        code, said = run(*at, "--batch", other)
        assert code == 1 and "another key than the list" in said
        assert bytes(range(16)).hex() not in said
        absent = tmp_path / "absent.csv"
        write_list(absent, [FIRST._replace(serial="A1")])
        code, said = run(*at, "--batch", absent)
        assert code == 1 and "SLT000000001 is not in this list" in said
        assert unit.restarts == 0


def test_a_blank_unit_without_files_of_its_own_is_told_and_restarts():
    """The simulator runs the checkout's files from elsewhere: its own file system has none."""
    with SimulatedUnit(board="pico") as unit:
        rest(unit)
        code, said = run("--port", unit.port)
        assert code == 1 and "main.py is missing" in said and "payg deploy" in said
        code, said = run("--port", unit.port, "--board", "esp32")
        assert code == 1 and "is no esp32" in said


def test_each_difference_is_named():
    said = []
    want = {"main.py": ("a", 1), "boot.py": ("b", 2), "lib/x.py": ("c", 3)}
    have = {"main.py": ("a", 1), "boot.py": ("B", 2), "main.mpy": ("d", 4)}
    with pytest.raises(VerifyError, match="3 files"):
        _compare(have, want, said.append)
    assert said == [
        "lib/x.py is missing",
        "main.mpy is not of this build",
        "boot.py differs",
    ]
    said.clear()
    _compare(want, dict(want), said.append)
    assert said == ["All 3 files are byte for byte this checkout's, lib/opaygo among them."]


def test_a_bit_that_flipped_is_seen(plug_in, pico_build):
    """The unit computes the digests: real MicroPython over real files."""
    tree, manifest = pico_build
    unit = plug_in()
    for name in manifest["files"]:
        place = unit.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((tree / name).read_bytes())
    code, said = run("--port", unit.port)
    assert code == 0 and f"All {len(manifest['files'])} files" in said
    assert "firmware does not run" in said
    victim = unit.folder / "lib/opaygo/decoder.py"
    data = bytearray(victim.read_bytes())
    data[1000] ^= 1
    victim.write_bytes(data)
    code, said = run("--port", unit.port)
    assert code == 1 and "lib/opaygo/decoder.py differs" in said


def test_another_version_is_told():
    with pytest.raises(VerifyError, match="runs firmware 9.9.9"):
        _sealed(["A1", "00112233", "1", "9.9.9"], None, lambda line: None)


def test_a_unit_left_at_its_prompt_is_reached():
    with SimulatedUnit(board="pico") as unit:
        rest(unit)
        with Prompt(unit.port) as prompt:
            prompt.run("1")
        code, said = run("--port", unit.port)
        assert code == 1 and "main.py is missing" in said
