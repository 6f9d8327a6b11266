"""`payg deploy` with the real mpremote against the real MicroPython, its cable pulled at will."""

import hashlib
import os
import pty
import tty

import pytest
from click.testing import CliRunner

import board
from tools import room
from tools.commands.deploy import command
from tools.station import prompt as ports
from tools.station.build import TARGETS, lengths
from tools.station.deploy import FREE, DeployError, deploy, look, onto, wanted
from tools.station.prompt import MACHINES, PortError, Prompt, RefusedError


def run(*arguments):
    """Return (exit code, everything it said) of `payg deploy`."""
    result = CliRunner().invoke(command, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def put(unit, tree, manifest):
    """Deploy to `unit`; return (sent, removed) and the lines of progress."""
    said = []
    with Prompt(unit.port) as prompt:
        return deploy(prompt, tree, manifest, said.append), said


def files_of(folder):
    """Return {path: bytes} of all files below a directory."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def tree_of(tmp_path, files):
    """Write `files`, {path: bytes}, and return (directory, manifest)."""
    tree = tmp_path / "tree"
    entries = {}
    for name, content in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(content)
        entries[name] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    return tree, {"files": entries}


def test_a_blank_board_gets_every_file_and_restarts(plug_in, pico_build):
    tree, manifest = pico_build
    unit = plug_in()
    code, said = run("--port", unit.port, "--board", "pico")
    assert code == 0, said
    assert unit.reset
    expected = {name: (tree / name).read_bytes() for name in manifest["files"]}
    assert files_of(unit.folder) == expected
    assert said.count(" bytes\n") == len(expected)
    assert "read back right" in said


def test_only_what_changed_is_sent_and_old_files_go_and_state_stays(plug_in, pico_build):
    tree, manifest = pico_build
    unit = plug_in()
    put(unit, tree, manifest)
    kept = {"state/a": b"identity", "state/firmware/b": b"\x00\xff", "notes.txt": b"theirs"}
    for name, content in kept.items():
        (unit.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (unit.folder / name).write_bytes(content)
    stamps = {name: os.stat(unit.folder / name).st_mtime_ns for name in kept}
    (unit.folder / "firmware/unit.mpy").write_bytes(b"of an older version")
    (unit.folder / "firmware/unit.py").write_bytes(b"would be imported instead")
    (unit.folder / "board/custom.mpy").write_bytes(b"would be found instead")
    (done, said) = put(unit, tree, manifest)
    assert done == (2, 2)  # unit.mpy and main.py
    assert [line for line in said if "remove" in line] == [
        "remove    board/custom.mpy",
        "remove    firmware/unit.py",
    ]
    expected = {name: (tree / name).read_bytes() for name in manifest["files"]}
    assert files_of(unit.folder) == expected | kept
    assert stamps == {name: os.stat(unit.folder / name).st_mtime_ns for name in kept}
    assert put(unit, tree, manifest) == ((0, 0), [])


# Bytes to the unit until the cable is pulled: while it is asked, looked at, sent to, read back.
CUTS = (*range(1, 1200, 150), *range(1200, 8000, 400))


@pytest.mark.parametrize("power", [True, False], ids=["powered", "power lost too"])
def test_a_cable_pulled_anywhere_leaves_old_new_or_no_main(plug_in, tmp_path, power):
    old = {"boot.py": b"old boot", "main.py": b"old main", "firmware/a.mpy": b"a" * 900}
    new = {"boot.py": b"new boot", "main.py": b"new main" * 90, "firmware/a.mpy": b"A" * 1700}
    new["firmware/deep/b.mpy"] = bytes(range(256)) * 3
    tree, manifest = tree_of(tmp_path, new)
    unit = plug_in()
    seen = set()
    for limit in CUTS:
        unit.pull()
        for name in files_of(unit.folder):
            (unit.folder / name).unlink()
        for name, content in (old | {"state/s": b"paid"}).items():
            (unit.folder / name).parent.mkdir(exist_ok=True)
            (unit.folder / name).write_bytes(content)
        unit.plug(limit)
        try:
            put(unit, tree, manifest)
        except PortError as error:
            assert "Plug the cable in again" in str(error) or "does not answer" in str(error)
        unit.pull()
        if not power:
            unit.power_off()
        left = files_of(unit.folder)
        seen.add(left.get("main.py"))
        assert left["state/s"] == b"paid"
        if left.get("main.py") == old["main.py"]:
            assert left == old | {"state/s": b"paid"}
        elif "main.py" in left:
            assert left == new | {"state/s": b"paid"}
        unit.plug()
        put(unit, tree, manifest)
        assert files_of(unit.folder) == new | {"state/s": b"paid"}
    assert seen == {old["main.py"], new["main.py"], None}


def test_a_wrong_board_is_refused_untouched(plug_in):
    unit = plug_in()
    code, said = run("--port", unit.port, "--board", "esp32")
    assert code == 1
    assert "is no esp32" in said
    assert "Raspberry Pi Pico with RP2040" in said and "Nothing was changed" in said
    unit = plug_in("s3", machine="Generic ESP32S3 module with ESP32S3")
    code, said = run("--port", unit.port)
    assert code == 1 and "none of pico, esp32" in said
    assert files_of(unit.folder) == {}


def test_a_board_of_ones_own_is_not_given_another_boards_pins(plug_in):
    unit = plug_in()
    (unit.folder / "board").mkdir()
    (unit.folder / "board/custom.mpy").write_bytes(b"pins of one's own")
    before = files_of(unit.folder)
    code, said = run("--port", unit.port)
    assert code == 1 and "board file of its own" in said and "--custom FILE" in said
    assert files_of(unit.folder) == before


def test_a_named_board_replaces_a_board_file_of_ones_own(plug_in):
    unit = plug_in()
    (unit.folder / "board").mkdir()
    (unit.folder / "board/custom.mpy").write_bytes(b"pins of one's own")
    code, said = run("--port", unit.port, "--board", "pico")
    assert code == 0 and "board/custom.mpy" not in files_of(unit.folder), said


def test_a_second_board_with_the_same_chip_is_taken_at_its_word(plug_in, monkeypatch):
    monkeypatch.setitem(TARGETS, "village", TARGETS["pico"]._replace(found=False))
    unit = plug_in()
    onto(unit.port, "village", None, lambda line: None)
    assert "board/custom.mpy" in files_of(unit.folder)


def test_every_board_is_known_by_what_it_calls_itself():
    marks = {mark: name for mark, name in board._BY_MACHINE if name != "sim"}
    assert set(MACHINES.values()) == set(marks)


def free_sectors(unit):
    """Return the answer of `os.statvfs` on the unit."""
    with Prompt(unit.port) as prompt:
        return int(prompt.run(FREE)) // room.SECTOR


def leave_free(unit, sectors):
    """Fill the unit's file system with something of somebody else's until so many are free."""
    length = 4080 * (free_sectors(unit) - sectors)
    with Prompt(unit.port) as prompt:
        prompt.run(f"file = open('theirs', 'wb')\nfile.write(bytes({length}))\nfile.close()")
    assert free_sectors(unit) == sectors


def test_a_full_file_system_is_told_before_anything_is_touched(plug_in, pico_build):
    unit = plug_in(blocks=12)
    with pytest.raises(DeployError, match="too full, 10 sectors are free.*Nothing was changed"):
        put(unit, *pico_build)
    with Prompt(unit.port) as prompt:
        assert look(prompt) == {}


def test_a_build_is_taken_where_twelve_sectors_stay_free_but_not_eleven(plug_in, pico_build):
    tree, manifest = pico_build
    enough = room.taken(lengths(manifest)) + room.LEAST
    scarce = plug_in("scarce", blocks=enough - 1)
    with pytest.raises(DeployError, match="11 free sectors.*12 are needed.*, 1 sectors in all"):
        put(scarce, tree, manifest)
    with Prompt(scarce.port) as prompt:
        assert look(prompt) == {}, "it was written to"
    unit = plug_in(blocks=enough)
    assert put(unit, tree, manifest)[0] == (len(manifest["files"]), 0)
    assert free_sectors(unit) >= room.LEAST


OLD = {"lib/a.mpy": b"o" * 9000, "main.py": b"old"}
# What is deployed over OLD, and how many sectors more than OLD it takes.
REPLACED = [
    ({"lib/a.mpy": 9001}, 0),  # three sectors for three
    ({"lib/a.mpy": 13000}, 1),
    ({"lib/a.mpy": 9000, "lib/b.mpy": 600}, 1),
    ({"lib/a.mpy": 9000, "lib/deep/b.mpy": 600}, 5),  # a folder, too
    ({"lib/b.mpy": 600}, -2),  # a.mpy goes
]


@pytest.mark.parametrize(("files", "more"), REPLACED)
def test_what_is_replaced_and_removed_is_reckoned_with(plug_in, tmp_path, files, more):
    unit = plug_in(blocks=60)
    put(unit, *tree_of(tmp_path / "old", OLD))
    new = {name: b"n" * length for name, length in files.items()} | {"main.py": b"old"}
    tree, manifest = tree_of(tmp_path / "new", new)
    leave_free(unit, room.LEAST + more - 1)
    with pytest.raises(DeployError, match="keeps 11 free sectors"):
        put(unit, tree, manifest)
    with Prompt(unit.port) as prompt:
        assert look(prompt) == wanted(tree_of(tmp_path / "old", OLD)[1])
        prompt.run("import os\nos.remove('theirs')")
    leave_free(unit, room.LEAST + more)
    put(unit, tree, manifest)
    assert free_sectors(unit) == room.LEAST


def test_a_file_system_that_fills_up_midway_keeps_the_load_off(plug_in, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "LEAST", -100)
    monkeypatch.setattr(room, "sectors", lambda length: 0)  # as if they were not reckoned with
    unit = plug_in(blocks=24)
    files = {f"firmware/{name}.mpy": bytes(9000) for name in "abcdefgh"}
    tree, manifest = tree_of(tmp_path, files | {"main.py": b"new"})
    with pytest.raises(DeployError, match="is full: .* The load stays off"):
        put(unit, tree, manifest)
    with Prompt(unit.port) as prompt:
        assert not [name for name in look(prompt) if name.startswith("main") or ".new" in name]


LENGTHS = (0, 1, 513, 4096, 4097, 8188, 8189, 12280, 12281, 13000, 40000, 100_000)


def test_sectors_are_reckoned_as_littlefs_takes_them(plug_in):
    unit = plug_in(blocks=100)
    with Prompt(unit.port) as prompt:
        for length in LENGTHS:
            before = int(prompt.run(FREE))
            prompt.run(f"file = open('a', 'wb')\nfile.write(bytes({length}))\nfile.close()")
            taken = (before - int(prompt.run(FREE))) // room.SECTOR
            prompt.run("import os\nos.remove('a')")
            assert room.freed(length) <= taken <= room.sectors(length), length
            assert length < 1000 or room.freed(length) == taken
        before = int(prompt.run(FREE))
        prompt.run("os.mkdir('x')\nos.mkdir('x/y')")
        assert before - int(prompt.run(FREE)) == 2 * room.FOLDER * room.SECTOR
    assert room.folders({"x/y/z.py": 1, "x/a": 2, "boot.py": 3}) == {"x", "x/y"}


def test_what_reads_back_wrong_is_told_and_main_stays_away(plug_in, tmp_path):
    tree, manifest = tree_of(tmp_path, {"main.py": b"main", "firmware/a.mpy": b"good"})
    (tree / "firmware/a.mpy").write_bytes(b"evil")  # stands for flash that does not keep it
    unit = plug_in()
    with pytest.raises(DeployError, match="firmware/a.mpy read back wrong"):
        put(unit, tree, manifest)
    assert not (unit.folder / "main.py").exists()


def test_a_port_that_is_not_there(tmp_path):
    code, said = run("--port", str(tmp_path / "ttyX"))
    assert code == 1 and "there is no port" in said


def test_a_port_that_another_program_holds(plug_in):
    unit = plug_in()
    with Prompt(unit.port):
        code, said = run("--port", unit.port)
    assert code == 1 and "does another program" in said


def test_a_unit_that_runs_a_program_is_interrupted(plug_in):
    unit = plug_in(busy="print('on')\nwhile True:\n    pass\n")
    with Prompt(unit.port) as prompt:
        assert look(prompt) == {}


def test_a_program_that_ends_in_a_reset_gives_no_prompt_and_that_is_told(plug_in, monkeypatch):
    monkeypatch.setattr(ports, "QUIET", 0.2)
    text = "import machine\ntry:\n    print('on')\n    while True:\n        pass\n"
    unit = plug_in(busy=text + "finally:\n    machine.reset()\n")
    with pytest.raises(PortError, match="does not answer"):
        put(unit, unit.folder, {"files": {}})
    assert unit.reset


def test_a_unit_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(ports, "QUIET", 0.2)
    host, slave = pty.openpty()
    tty.setraw(slave)
    code, said = run("--port", os.ttyname(slave))
    os.close(host)
    os.close(slave)
    assert code == 1 and "does not answer" in said and "payg flash" in said


def test_a_unit_that_refuses_is_told_with_its_reason(plug_in):
    with Prompt(plug_in().port) as prompt, pytest.raises(RefusedError, match="ZeroDiv") as caught:
        prompt.run("1 / 0")
    assert caught.value.number is None


def test_the_build_is_what_is_looked_for(plug_in, pico_build):
    unit = plug_in()
    put(unit, *pico_build)
    with Prompt(unit.port) as prompt:
        assert look(prompt) == wanted(pico_build[1])
