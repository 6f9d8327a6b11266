"""A report of `payg conform` replaces an earlier report, and nothing else."""

import os

import pytest
from click.testing import CliRunner

from tools.batches.ledger import Ledger
from tools.commands.conform import command
from tools.conformance.files import check_reports
from tools.identity import PUBLISHED_CODE, PUBLISHED_KEY

OPTIONS = ("--json", "--html", "--junit")
QUICK = ("--sim", "--profile", "certification", "--without", "sets")
LIST = (
    "Serial Number,Starting Code,Key,Count,Time Divider,Restricted Digit Mode,"
    f"Hardware Model,Version,Test Code\nSLT1,{PUBLISHED_CODE},{PUBLISHED_KEY.hex()},1,1,0,,,\n"
)


def refused(arguments, kept):
    """Return the output of a refused run that left a file as it was."""
    before = kept.read_bytes()
    done = CliRunner().invoke(command, list(map(str, arguments)))
    assert done.exit_code in (1, 2), done.output
    assert kept.read_bytes() == before
    return " ".join(done.output.split())


@pytest.fixture
def listed(tmp_path):
    """A list beside its ledger."""
    path = tmp_path / "batch.csv"
    path.write_text(LIST)
    Ledger(str(tmp_path / "ledger.db")).close()
    return path


@pytest.mark.parametrize("option", OPTIONS)
class TestRefused:
    """Files that a report must not replace."""

    def test_the_list_and_the_ledger(self, listed, option):
        run = ["--port", "/dev/ttyX9", "--batch", listed, "--serial", "SLT1", "--yes", option]
        assert f"{option} and --batch name the same file" in refused([*run, listed], listed)
        ledger = listed.parent / "ledger.db"
        assert f"{option} and --ledger name the same" in refused([*run, ledger], ledger)
        again = listed.parent / "again"
        again.symlink_to("batch.csv")
        assert "the same file" in refused([*run, again], listed)
        os.link(listed, listed.parent / "hard")
        assert "no earlier report" in refused([*run, listed.parent / "hard"], listed)

    def test_a_ledger_about_to_begin(self, tmp_path, option):
        listed = tmp_path / "batch.csv"
        listed.write_text(LIST)
        run = ["--port", "/dev/ttyX9", "--batch", listed, "--serial", "SLT1", "--new-ledger"]
        refused([*run, option, tmp_path / "ledger.db"], listed)
        assert not (tmp_path / "ledger.db").exists()

    def test_the_key_file(self, tmp_path, option):
        path = tmp_path / "k.key"
        path.write_text(PUBLISHED_KEY.hex())
        run = ["--sim", "--key-file", path, option, path]
        assert f"{option} and --key-file name the same" in refused(run, path)

    def test_any_other_file(self, tmp_path, option):
        path = tmp_path / "thesis.txt"
        path.write_text("years of work")
        said = refused([*QUICK, option, path], path)
        assert "no earlier report of payg conform: name another file" in said


def test_one_file_for_two_reports(tmp_path):
    path = tmp_path / "report"
    done = CliRunner().invoke(command, [*QUICK, "--json", str(path), "--html", str(path)])
    assert done.exit_code == 2 and "--html and --json name the same file" in done.output
    assert not path.exists()


def test_earlier_reports_are_replaced(tmp_path):
    options = []
    for option in OPTIONS:
        path = tmp_path / option.strip("-")
        path.touch()
        options += [option, str(path)]
    for _ in range(2):
        done = CliRunner().invoke(command, [*QUICK, *options])
        assert done.exit_code == 0, done.output
    assert CliRunner().invoke(command, [*QUICK, "--json", "/dev/null"]).exit_code == 0
    assert not os.path.isfile("/dev/null")


def test_a_pipe_is_not_opened_before_the_report(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    check_reports([("--json", tmp_path / "pipe")], [])


def test_an_earlier_report_does_not_outlive_a_run_that_checked_nothing(tmp_path):
    report = tmp_path / "x.json"
    done = CliRunner().invoke(command, [*QUICK, "--json", str(report)])
    assert done.exit_code == 0 and '"passed"' in report.read_text()
    silent = ["--command", "true", "--yes", "--serial", "A1", "--key", PUBLISHED_KEY.hex()]
    done = CliRunner().invoke(command, [*silent, "--count", "1", "--json", str(report)])
    assert done.exit_code == 3 and report.read_text() == "", done.output
