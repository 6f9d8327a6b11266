"""Absurd units: endless output, long lines and numbers, children that stay."""

import json

import pytest
from click.testing import CliRunner

from tests_host.conform.wrong_units import Line, RightUnit
from tools.commands.conform import command
from tools.conformance.answers import LINE_MAX, Lines, answer_in, fields
from tools.conformance.run import FAIL
from tools.identity import PUBLISHED_CODE, PUBLISHED_KEY

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
