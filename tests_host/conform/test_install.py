"""lib/opaygo by itself through `mpremote mip install`, and the freeze manifest."""

import json
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tools.conformance.checks import PUBLISHED
from tools.identity import PUBLISHED_CODE, PUBLISHED_KEY
from tools.paths import ROOT

PACKAGE = ROOT / "lib" / "opaygo" / "package.json"
JUDGE = f"""
import sys
sys.path.append("lib")
import opaygo
device = opaygo.Device(bytes.fromhex({PUBLISHED_KEY.hex()!r}), {PUBLISHED_CODE})
state = opaygo.new_state(0)
for digits in {[digits for digits, _ in PUBLISHED]!r}:
    verdict, state = opaygo.judge(device, state, digits)
    print(verdict.outcome)
"""


def mpremote(port, *command):
    """Run the real mpremote; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "mpremote", "connect", port, "resume", *command],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_package_is_all_of_the_library():
    listed = json.loads(PACKAGE.read_text())["urls"]
    files = {path.name for path in PACKAGE.parent.glob("*.py")}
    assert {url for _, url in listed} == files, "relative to package.json"
    assert {place for place, _ in listed} == {f"opaygo/{name}" for name in files}


def test_a_unit_with_nothing_else_judges_the_published_tokens(plug_in):
    unit = plug_in()
    mpremote(unit.port, "mip", "install", "--target", "lib", str(PACKAGE))
    installed = {path.name for path in (unit.folder / "lib/opaygo").iterdir()}
    assert installed == {path.name for path in PACKAGE.parent.glob("*.py")}
    assert not (unit.folder / "firmware").exists()
    said = mpremote(unit.port, "exec", JUDGE)
    assert said.split() == [outcome for _, outcome in PUBLISHED]


class Freezing:
    """MicroPython's manifest tool, as much of it as the manifest uses. `named`: what it froze."""

    def __init__(self, monkeypatch, **options):
        self.named, self.included = {}, []
        self.options = SimpleNamespace(**options)
        self.options.defaults = lambda **values: [
            setattr(self.options, name, value)
            for name, value in values.items()
            if not hasattr(self.options, name)
        ]
        monkeypatch.chdir(ROOT / "freeze")

    def package(self, name, files=None, base_path="."):
        """Name the files of a package: all, or the given ones."""
        folder = self.path(base_path) / name
        for file in files or [path.name for path in folder.glob("*.py")]:
            self.named[f"{name}/{file}"] = folder / file

    def module(self, file, base_path="."):
        """Name one file."""
        self.named[file] = self.path(base_path) / file

    def path(self, text):
        """An absolute path, or one relative to the manifest."""
        return (ROOT / "freeze" / text).resolve()

    def run(self):
        """Run the manifest."""
        names = {"package": self.package, "module": self.module, "options": self.options}
        names["include"] = self.included.append
        exec((ROOT / "freeze" / "manifest.py").read_text(), names)
        return self


@pytest.fixture
def tool(monkeypatch, tmp_path):
    """Function that makes MicroPython's mpy-tool.py say something, for a port."""

    def make(port, text="(aligned (4))"):
        (tmp_path / "tools").mkdir(exist_ok=True)
        (tmp_path / "tools" / "mpy-tool.py").write_text(text)
        variables = {"MPY_DIR": str(tmp_path), "PORT_DIR": f"{tmp_path}/ports/{port}"}
        monkeypatch.setattr(sys.modules["__main__"], "VARS", variables, raising=False)

    return make


@pytest.fixture
def library(monkeypatch, tmp_path):
    """The device library where pip puts it, wherever these tests run."""
    monkeypatch.setattr("glob.glob", lambda pattern: [str(tmp_path / "tm1637.py")])
    (tmp_path / "tm1637.py").write_text("")


def test_what_is_frozen_is_what_is_built(monkeypatch, tool, library, pico_build):
    tool("rp2")
    frozen = Freezing(monkeypatch).run()
    assert frozen.included == ["$(PORT_DIR)/boards/manifest.py"], "what the port itself freezes"
    assert all(path.is_file() for path in frozen.named.values())
    _, manifest = pico_build
    built = {re.sub(r"^lib/|\.m?py$", "", name) for name in manifest["files"]}
    names = {name[:-3] for name in frozen.named}
    assert names - built == {"board/esp32_devkit"} and built <= names


def test_a_vendors_own_board_file_is_frozen(monkeypatch, tool, library, tmp_path):
    tool("esp32", "(aligned (2))")
    (tmp_path / "board").mkdir()
    (tmp_path / "board" / "custom.py").write_text("")
    frozen = Freezing(monkeypatch, custom=str(tmp_path)).run()
    assert frozen.named["board/custom.py"] == tmp_path / "board" / "custom.py"


def test_a_tool_that_breaks_frozen_code_is_refused(monkeypatch, tool, library):
    tool("rp2", 'attributes += " __attribute__ ((aligned (2)))"')
    with pytest.raises(SystemExit, match="vendor-image.md"):
        Freezing(monkeypatch).run()


def test_a_missing_library_is_told(monkeypatch, tool):
    tool("rp2")
    monkeypatch.setattr("glob.glob", lambda pattern: [])
    with pytest.raises(SystemExit, match="make setup"):
        Freezing(monkeypatch).run()
