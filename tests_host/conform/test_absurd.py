"""Absurd units: endless output, long lines and numbers, children that stay."""

import json
import os
import resource
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from tests_host.conform.wrong_units import Line, RightUnit
from tools.commands.conform import command
from tools.conformance import foreign
from tools.conformance.answers import LINE_MAX, Lines, answer_in, fields
from tools.conformance.run import FAIL
from tools.conformance.words import visible
from tools.identity import PUBLISHED_CODE, PUBLISHED_KEY
from tools.paths import ROOT

EXAMPLE = ("--key", PUBLISHED_KEY.hex(), "--starting-code", str(PUBLISHED_CODE))
QUICK = ("--entries", "0", "--seed", "1", "--yes", "--profile", "certification")


class Absurd(RightUnit):
    """Answers to a token by a text of the test's."""

    def __init__(self, token="", status="#STATUS;INACTIVE"):
        super().__init__(PUBLISHED_KEY, PUBLISHED_CODE)
        self.texts = {"#TOKEN": token, "#STATUS": status}

    def answer(self, line):
        return self.texts.get(line.partition(";")[0], "#INVALID") or super().answer(line)


def examine(unit, tmp_path, *options):
    """Return (click's result, the JSON report)."""
    path = tmp_path / "report.json"
    with Line(unit) as cable:
        arguments = ["--port", cable.port, *EXAMPLE, *QUICK, "--json", str(path), *options]
        done = CliRunner().invoke(command, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done, json.loads(path.read_text())


class TestLongAnswers:
    """A number or a line that no unit tells."""

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            ("#TOKEN;VALID;" + "9" * 2_000, "#TOKEN;ERROR;a number of 2000 digits"),
            ("#TOKEN;VALID;" + "9" * 5_000, "#TOKEN;ERROR;a line of more than 4096 bytes"),
            ("#TOKEN;LOCKED;" + "1" * 11, "#TOKEN;ERROR;a number of 11 digits"),
        ],
    )
    def test_to_a_token(self, tmp_path, answer, words):
        done, report = examine(Absurd(answer), tmp_path)
        assert words in " ".join(check["detail"] for check in report["checks"]), done.output
        assert done.exit_code == 3 and report["outcome"] == "nothing checked"

    def test_to_the_status(self, tmp_path):
        unit = Absurd("#TOKEN;VALID;864000", "#STATUS;ACTIVE;" + "1" * 3_000)
        done, report = examine(unit, tmp_path)
        assert report["checks"][0]["verdict"] == FAIL, done.output
        assert "#STATUS;ERROR;a number of 3000 digits" in report["checks"][0]["detail"]

    def test_an_adapter_that_tells_a_long_story(self):
        story = "#TOKEN;ERROR;" + "x" * 2_000
        assert len(answer_in(story, "#TOKEN;1")) < 400

    def test_an_answer_taken_without_a_pattern(self):
        assert fields("#TOKEN;VALID;" + "9" * 5_000) == ("ERROR", None)

    def test_a_line_without_an_end_is_bounded(self):
        lines = Lines()
        for _ in range(100):
            assert lines.feed(b"x" * 65_536) == []
        assert len(lines._waiting) <= LINE_MAX + 1
        assert lines.feed(b"\n#STATUS;INACTIVE\r\n")[1] == "#STATUS;INACTIVE"


def with_adapter(program, *options):
    """Return click's result of a run with an adapter in Python."""
    line = f"'{sys.executable}' '{program}'"
    return CliRunner().invoke(command, ["--command", line, *QUICK, *options])


def adapter(tmp_path, text):
    """Return the path of a program."""
    path = tmp_path / "adapter.py"
    path.write_text(text)
    return path


class TestEndlessOutput:
    """A run ends in time and in bounded memory."""

    @pytest.fixture(autouse=True)
    def _quickly(self, monkeypatch):
        monkeypatch.setattr(foreign, "HELLO_S", 0.2)

    @pytest.mark.parametrize("line", ["yes", "yes '#STATUS;'", "cat /dev/zero"])
    def test_of_a_program_that_is_no_adapter(self, line):
        before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
        done = CliRunner().invoke(command, ["--command", line, *QUICK])
        assert done.exit_code == 3 and "does not answer #STATUS" in done.output, done.output
        assert time.monotonic() - begin < 10
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 50_000, "KB"

    def test_between_right_answers(self, tmp_path):
        noisy = adapter(
            tmp_path,
            f"""
import sys, threading
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "lib")!r}, {str(ROOT / "tests_host/shim")!r}]
from tests_host.conform.wrong_units import RightUnit
unit = RightUnit(bytes.fromhex({PUBLISHED_KEY.hex()!r}), {PUBLISHED_CODE})
for line in sys.stdin:
    print("debug " * 100_000)
    print(unit.answer(line.strip()))
    print("debug\\n" * 1_000, flush=True)
""",
        )
        done = with_adapter(noisy, "--without", "sets")
        assert done.exit_code == 0, done.output


FORKS = """
import os, sys, time
if os.fork() == 0:
    open({path!r}, "w").write(str(os.getpid()))
    time.sleep(600)
for line in sys.stdin:
    print("#STATUS;INACTIVE" if "STATUS" in line else "#TOKEN;INVALID", flush=True)
"""


def is_alive(process):
    """Is a process there, and no zombie?"""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_the_children_of_an_adapter_end_with_the_run(tmp_path):
    path = tmp_path / "pid"
    done = with_adapter(adapter(tmp_path, FORKS.format(path=str(path))))
    assert done.exit_code == 3, done.output
    child = int(path.read_text())
    end = time.monotonic() + 5
    while is_alive(child) and time.monotonic() < end:
        time.sleep(0.05)
    try:
        assert not is_alive(child)
    finally:
        if is_alive(child):
            os.kill(child, 9)


UNSEEN = [*range(10), *range(11, 32), 127]


@pytest.mark.parametrize("said", ["\x1b[31mred\x1b]0;title\x07", "\x00\x08\x0c\x7f"])
def test_control_characters_of_an_answer_are_visible(tmp_path, said):
    class Colours(RightUnit):
        def answer(self, line):
            if line == "#ID":
                return f"#ID;A1;1.0;{said}"
            if line.startswith("#TOKEN") and self.state.count > 4:
                return f"#TOKEN;ERROR;{said}"
            return super().answer(line)

    paths = {name: tmp_path / f"report.{name}" for name in ("html", "junit")}
    options = [word for name, path in paths.items() for word in (f"--{name}", str(path))]
    done, report = examine(Colours(PUBLISHED_KEY, PUBLISHED_CODE), tmp_path, *options)
    assert done.exit_code == 1, done.output
    suite = ElementTree.parse(paths["junit"]).getroot()
    seen = "".join(f"\\x{ord(sign):02x}" if ord(sign) in UNSEEN else sign for sign in said)
    assert any(seen in failure.get("message") for failure in suite.iter("failure"))
    assert seen in report["identified"] and seen in paths["html"].read_text()
    for text in (done.output, *[path.read_text() for path in paths.values()]):
        assert not any(chr(code) in text for code in UNSEEN)


def test_control_characters_of_an_adapters_last_words():
    program = "import sys; sys.stderr.buffer.write(bytes([27, 91, 0xc2, 0x9b])); sys.exit(1)"
    line = f"'{sys.executable}' -c '{program}' \x1b[2J"
    done = CliRunner().invoke(command, ["--command", line, *QUICK])
    assert done.exit_code == 3
    assert "\x1b" not in done.output and "\x9b" not in done.output


@pytest.mark.parametrize("code", [0x00, 0x1B, 0x7F, 0x85, 0x9B, 0x2028, 0x202E, 0xD800, 0xFFFE])
def test_every_unseen_character_has_an_escape(code):
    text = visible(f"a{chr(code)}b\nc")
    assert text.isprintable() or text.replace("\n", "").isprintable()
    ElementTree.fromstring(f"<a>{text}</a>")
