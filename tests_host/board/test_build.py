"""`payg build` makes the right files, always the same bytes, small enough, and they run."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests_host.helpers.published import ADD_1, KEY, STARTING_CODE, has_buttons
from tools import room
from tools.boards import BOARDS, load
from tools.commands.build import command
from tools.interpreter import device_libraries, simulator_with
from tools.paths import ROOT
from tools.proofs.simulator import Sim
from tools.proofs.tokens.encoder import Encoder
from tools.station.build import (
    LIMIT,
    MANIFEST,
    TARGETS,
    BuildError,
    build,
    check_room,
    lengths,
    size,
)


@pytest.fixture(scope="module", params=TARGETS)
def built(request, tmp_path_factory):
    """(board, directory, manifest) of a build."""
    out = tmp_path_factory.mktemp(request.param) / "tree"
    return request.param, out, build(request.param, out)


def files_of(tree):
    return {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()}


def test_the_manifest_names_every_file_with_its_hash(built):
    board, out, manifest = built
    assert json.loads((out / MANIFEST).read_text()) == manifest
    assert files_of(out) == {MANIFEST} | manifest["files"].keys()
    for name, said in manifest["files"].items():
        content = (out / name).read_bytes()
        assert said == {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    assert (manifest["board"], manifest["arch"]) == (board, TARGETS[board].arch)


def test_sources_are_the_very_files_of_the_checkout(built):
    _, out, manifest = built
    sources = {name for name in manifest["files"] if name.endswith(".py")}
    library = {f"lib/opaygo/{path.name}" for path in (ROOT / "lib" / "opaygo").glob("*.py")}
    assert sources == {"boot.py", "main.py"} | library
    for name in sources:
        assert (out / name).read_bytes() == (ROOT / name).read_bytes()


def test_everything_else_is_compiled_and_nothing_more(built):
    board, _, manifest = built
    compiled = {name for name in manifest["files"] if name.endswith(".mpy")}
    firmware = {f"firmware/{path.stem}.mpy" for path in (ROOT / "firmware").glob("*.py")}
    target = TARGETS[board]
    boards = {"board/__init__.mpy", f"board/{target.module if target.found else 'custom'}.mpy"}
    libraries = {"lib/tm1637.mpy"} if hasattr(load(target.module), "TM1637") else set()
    assert compiled == firmware | boards | libraries


def test_it_fits(built):
    _, out, manifest = built
    assert size(manifest) + (out / MANIFEST).stat().st_size <= LIMIT == 96 * 1024


def test_twelve_sectors_of_the_boards_file_system_stay_free(built, monkeypatch):
    board, _, manifest = built
    taken, there = check_room(board, manifest)
    assert there == {"rp2040": 352, "esp32": 512}[BOARDS[board].chip] and room.LEAST == 12
    assert taken == room.taken(lengths(manifest)) and len(manifest["files"]) < taken < there - 12
    for free, enough in ((12, True), (11, False), (-5, False)):
        monkeypatch.setitem(room.FILE_SYSTEMS, BOARDS[board].chip, taken + free)
        if enough:
            check_room(board, manifest)
        else:
            with pytest.raises(BuildError, match=f"keeps {max(0, free)} free sectors.*12 are"):
                check_room(board, manifest)


def test_the_command_refuses_a_tree_that_leaves_the_records_too_little(monkeypatch, tmp_path):
    monkeypatch.setitem(room.FILE_SYSTEMS, "rp2040", 64)
    done = CliRunner().invoke(command, ["--board", "pico", "--out", str(tmp_path / "tree")])
    assert done.exit_code == 1 and "of the 64 sectors that a pico has for files" in done.output


def test_the_same_checkout_gives_the_same_bytes(built, tmp_path):
    board, out, manifest = built
    again = tmp_path / "somewhere" / "else"
    assert build(board, again) == manifest
    assert (again / MANIFEST).read_bytes() == (out / MANIFEST).read_bytes()


def test_an_earlier_build_is_replaced(tmp_path):
    out = tmp_path / "tree"
    build("pico", out)
    (out / "firmware" / "gone.mpy").write_bytes(b"of an older checkout")
    build("esp32", out)
    assert "firmware/gone.mpy" not in files_of(out) and "board/pico.mpy" not in files_of(out)


def test_a_directory_with_other_things_in_it_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(BuildError, match="something else"):
        build("pico", tmp_path)
    assert files_of(tmp_path) == {"letter.txt"}


def test_the_built_tree_runs_and_credits_a_token(built):
    """Compiled modules, copied library and all, in the simulator of that board."""
    board, out, _ = built
    options = {"root": str(out), "chip": BOARDS[board].chip, "serial": "T1", "key": KEY}
    options |= {"starting_code": STARTING_CODE, "count": 0}
    token = ADD_1
    if has_buttons(board):
        options["restricted"] = True
        token = Encoder(bytes.fromhex(KEY), STARTING_CODE).token(1, 2, restricted=True)
    assert device_libraries()[0] not in json.dumps(options), "the tree brings its own library"
    with Sim(command=simulator_with(options)) as sim:
        answer = sim.keys(token + "#")
        assert (answer["result"], answer["load"]) == ("ADD_TIME", True), sim.stderr()
        sim.do("power off")
        assert sim.do("power on")["load"] and "failed" not in sim.stderr()


def payg(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "tools.cli", "build", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


def test_the_command_says_what_it_made(tmp_path):
    done = payg("--board", "pico", "--out", tmp_path / "tree")
    assert done.returncode == 0 and "bytes" in done.stdout and MANIFEST in done.stdout


def test_a_board_file_of_ones_own(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text((ROOT / "board" / "esp32_devkit.py").read_text().replace(": 23", ": 19"))
    done = payg("--board", "esp32", "--custom", mine, "--out", tmp_path / "tree")
    assert done.returncode == 0, done.stderr
    names = files_of(tmp_path / "tree")
    assert "board/custom.mpy" in names and "board/esp32_devkit.mpy" not in names


def test_a_refused_build_leaves_everything_as_it_was(tmp_path):
    mine, tree = tmp_path / "mine.py", tmp_path / "tree"
    mine.write_text((ROOT / "board" / "pico.py").read_text().replace(": 15", ": 99"))
    assert payg("--board", "pico", "--custom", mine, "--out", tree).returncode == 1
    assert files_of(tmp_path) == {"mine.py"}
    assert payg("--board", "pico", "--out", tree).returncode == 0
    built = files_of(tree)
    done = payg("--board", "pico", "--custom", mine, "--out", tree)
    assert done.returncode == 1 and 'LOAD["pin"] = 99' in done.stderr
    assert files_of(tree) == built and files_of(tmp_path) == {
        "mine.py",
        *(f"tree/{n}" for n in built),
    }


def test_where_one_is_a_link_and_a_detour_can_be_built_into(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path / "here")
    for out in (".", "../link", "../here/../real"):
        for _ in range(2):  # the second one replaces the first one
            build("pico", Path(out))
            assert MANIFEST in files_of(Path(out).resolve())
            assert (Path(out).resolve() / "firmware" / "unit.mpy").is_file()
    assert {path.name for path in tmp_path.iterdir()} == {"here", "real", "link"}
    assert Path.cwd() == tmp_path / "here" and (tmp_path / "link").is_symlink()


def test_a_broken_board_file_is_one_plain_line(tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text("LOAD = {")
    done = payg("--board", "esp32", "--custom", mine, "--out", tmp_path / "tree")
    assert done.returncode != 0 and done.stderr.count("\n") == 1
    assert "nothing was built" in done.stderr and "mine.py: line 1" in done.stderr
