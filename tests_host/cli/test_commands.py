"""`payg`, `payg sim`, `make help` and `make bench`: help, mistakes, what is started."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests_host.helpers.published import KEY
from tools import interpreter
from tools.benchmarks import __main__ as bench
from tools.cli import COMMANDS, main
from tools.emulator.run import options_of
from tools.identity import DEMO
from tools.paths import ROOT
from tools.station import verify


def run_payg(*arguments, **options):
    """Run `payg` as a process of its own, without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "tools.cli", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        **options,
    )


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_teaches_by_example(command):
    done = run_payg(*command, "--help")
    assert done.returncode == 0
    assert re.search("^ {2,}(.*[|] )?payg [a-z]+", done.stdout, re.MULTILINE)


def test_the_help_names_the_defaults():
    provision = " ".join(run_payg("provision", "--help").stdout.split())
    assert "Without this option: scan; with --sim, all." in provision
    assert run_payg("build", "--help").stdout.count("in the checkout") == 2


def test_first_token_example_is_true():
    text = run_payg("token", "--help").stdout.replace("\\\n", " ")
    example = next(line for line in text.splitlines() if line.strip().startswith("payg token"))
    done = run_payg(*shlex.split(example)[1:])
    assert done.stdout == "token 662486790\ncount 2\n"


def test_ctrl_c_during_the_first_imports_is_one_word(tmp_path):
    (tmp_path / "click.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nfor _ in range(9**9): pass\n"
    )
    done = run_payg("sim", env=dict(os.environ, PYTHONPATH=str(tmp_path)))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Stopped.\n")


@pytest.mark.parametrize("command", [[], ["token"]])
def test_help_is_a_word_as_well(command):
    asked, option = run_payg("help", *command), run_payg(*command, "--help")
    assert (asked.returncode, asked.stdout) == (0, option.stdout)


def test_no_command_shows_the_help():
    done = run_payg()
    assert done.returncode == 2
    assert "payg sim" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nonsense"], "nonsense"),
        (["sim"], "--headless"),
        (["sim", "--headless", "--key", KEY[2:]], "--key"),
        (["sim", "--headless", "--starting-code", "1"], "--key"),
        (["sim", "--headless", "--key", KEY, "--time-divider", "0"], "--time-divider"),
        (["sim", "--headless", "--state", "pyproject.toml"], "--state"),
        (["sim", "--headless", "extra"], "extra"),
    ],
)
def test_a_mistake_is_one_plain_line(arguments, reason):
    done = run_payg(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert reason in done.stderr
    assert KEY[2:] not in done.stderr


def echo_interpreter(tmp_path):
    """Make an executable that prints [arguments, environment] as JSON."""
    path = tmp_path / "echo-arguments"
    path.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        "print(json.dumps([sys.argv[1:], dict(os.environ)]))\n",
        "utf-8",
    )
    path.chmod(0o755)
    return str(path)


def started(tmp_path, monkeypatch, *arguments):
    """Return (arguments before the options, those as a dict) that the interpreter got."""
    monkeypatch.setenv("MICROPYTHON", echo_interpreter(tmp_path))
    done = run_payg("sim", "--headless", *arguments)
    assert done.returncode == 0, done.stderr
    arguments, environment = json.loads(done.stdout)
    options = json.loads("".join(arguments[3:]))
    if options["key"]:
        assert options["key"].startswith("$"), "other users see the arguments"
        options["key"] = environment[options["key"][1:]]
    return arguments[:3], options


def test_headless_starts_the_runner_with_everything_given(tmp_path, monkeypatch):
    before, options = started(
        tmp_path,
        monkeypatch,
        *("--serial", "A1", "--key", KEY.upper(), "--starting-code", "000000012"),
        *("--count", "7", "--time-divider", "24", "--restricted", "--state", tmp_path / "unit"),
    )
    assert before == ["-X", "heapsize=64m", str(ROOT / "tools" / "sim" / "run.py")]
    assert (
        options.items()
        >= {
            "serial": "A1",
            "key": KEY,
            "starting_code": 12,
            "count": 7,
            "time_divider": 24,
            "restricted": True,
            "language": "en",
            "state": str(tmp_path / "unit"),
            "root": str(ROOT),
        }.items()
    )


def test_an_emulated_pico_has_no_key_in_its_arguments(tmp_path, monkeypatch):
    """The process that `payg sim` becomes prints its arguments and environment."""
    program = "import sys; sys.executable = sys.argv.pop(1); from tools.cli import main; main()"
    unit = ["--serial", "A1", "--key", KEY, "--count", "7", "--state", str(tmp_path / "unit")]
    done = subprocess.run(
        [sys.executable, "-c", program, echo_interpreter(tmp_path)]
        + ["sim", "--headless", "--pico", *unit],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    arguments, environment = json.loads(done.stdout)
    assert arguments[:2] == ["-m", "tools.emulator.run"]
    assert KEY not in "".join(arguments)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    options = options_of("".join(arguments[2:]))
    wanted = {"serial": "A1", "key": KEY, "count": 7, "state": str(tmp_path / "unit")}
    assert options.items() >= wanted.items()


def test_verify_does_not_vouch_for_the_starting_code():
    """The key check value of a unit covers the key: a list with another code looks the same."""
    said = []
    key = bytes.fromhex(KEY)
    verify._check("A1", verify.key_check(key), {"A1": key}, said.append)
    assert "as the list has it" in said[1]
    assert said[2].endswith(
        "the starting code cannot be compared: a first token of the list tells"
    )


def test_the_simulator_imports_nothing_from_where_one_is(tmp_path):
    for name in ("tools", "json"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('a stranger')\n")
    done = subprocess.run(
        [str(Path(sys.executable).parent / "payg"), "sim", "--headless"],
        input="status\n",
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert json.loads(done.stdout)["power"] is True, done.stderr


def test_headless_without_options_is_a_blank_unit(tmp_path, monkeypatch):
    _, options = started(tmp_path, monkeypatch)
    assert (
        options.items()
        >= {
            "serial": DEMO.serial,
            "key": None,
            "starting_code": None,
            "count": 1,
            "time_divider": 1,
            "restricted": False,
            "language": "en",
            "state": None,
            "root": str(ROOT),
        }.items()
    )


def test_a_missing_interpreter_is_said_plainly(tmp_path, monkeypatch):
    monkeypatch.setenv("MICROPYTHON", str(tmp_path / "none"))
    done = run_payg("sim", "--headless")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "make setup" in done.stderr
    with pytest.raises(interpreter.MissingInterpreterError):
        interpreter.find_micropython()


def test_the_interpreter_is_micropython(micropython_exe):
    program = "import sys; print(sys.implementation.name)"
    done = subprocess.run([micropython_exe, "-c", program], capture_output=True, text=True)
    assert done.stdout == "micropython\n"


def test_exit_code_of_an_interrupted_command(monkeypatch, capsys):
    monkeypatch.setattr("tools.cli.payg.main", _interrupted)
    with pytest.raises(SystemExit) as exit_info:
        main([])
    assert exit_info.value.code == 130
    assert capsys.readouterr().err == "Stopped.\n"


def _interrupted(**_options):
    import click

    raise click.Abort


def test_bench_goes_on_after_a_failure_and_says_so(monkeypatch, tmp_path, capsys):
    (tmp_path / "bad.py").write_text("def main():\n    raise OSError('broken')\n")
    (tmp_path / "good.py").write_text("def main():\n    print('{\"bench\": 1}')\n")
    monkeypatch.setattr(bench, "HERE", tmp_path)
    monkeypatch.setattr("tools.benchmarks.__path__", [str(tmp_path)])
    assert bench.names() == ["bad", "good"]
    assert [bench.run(name) for name in bench.names()] == [False, True]
    output = capsys.readouterr()
    assert output.out == '{"bench": 1}\n'
    assert "bad: FAILED" in output.err
    assert "broken" in output.err


def test_bench_knows_its_benchmarks():
    done = subprocess.run(
        [sys.executable, "-m", "tools.benchmarks", "--only", "nonsense"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "nonsense" in done.stderr


def test_make_help_is_the_default_and_names_every_target():
    text = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True).stdout
    makefile = (ROOT / "Makefile").read_text("utf-8")
    phony = re.search("^[.]PHONY: (.*)$", makefile, re.MULTILINE)[1].split()
    assert phony
    for target in phony:
        assert f"make {target} " in text


@pytest.mark.parametrize(
    "arguments",
    [
        ("provision", "--serial", "A1", "--serial", "A2"),
        ("token", "--batch", "pyproject.toml", "--serial", "A1", "--add", "3", "--serial", "A2"),
    ],
)
def test_two_units_where_one_is_meant_are_refused(payg, arguments):
    code, _, said = payg(*arguments)
    assert code == 2 and " is given 2 times" in said


def test_an_option_that_may_be_repeated_still_may(payg):
    code, said, _ = payg("provision", "--port", "/dev/a", "--port", "/dev/b", "--help")
    assert code == 0 and "Usage" in said
