"""`payg conform`: does a unit keep the rules of OpenPAYGO Token? Any unit, not only ours."""

import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from tools.conformance import report
from tools.conformance.chains import Chains
from tools.conformance.model import Model
from tools.conformance.run import FAIL, Result, run
from tools.conformance.trial import Limits, Trial
from tools.conformance.units import AnsweringUnit, RamUnit, SerialUnit, SilentUnitError, SimUnit
from tools.identity import (
    PUBLISHED_CODE,
    PUBLISHED_KEY,
    Identity,
    identity_from,
    identity_options,
    key_from,
    whole,
)
from tools.interpreter import simulator_command
from tools.tokens import EXTENDED_MAX

SERIAL = "CONFORM01"
SIM_EXTENDED = 999_999  # does nothing on our firmware
ID_S = 2

Options = dict[str, Any]


def given_identity(options: Options) -> Identity:
    """Return the Identity of parsed options; without a key the protocol's published example."""
    unchanged = (options["restricted"], options["time_divider"], options["count"])
    if key_from(options) is None and not options["sim"] and unchanged != (False, 1, None):
        raise click.UsageError("--restricted, --time-divider and --count need the key")
    return identity_from(options, SERIAL, PUBLISHED_KEY, PUBLISHED_CODE, 1)


def checked(options: Options) -> tuple[Options, bool]:
    """Return the options, or raise click.UsageError where they contradict each other."""
    if options["sim"] == (options["port"] is not None):
        raise click.UsageError("say what to check: --sim, or --port PORT")
    known = options["key"] is not None or options["key_file"] is not None
    if options["setup"] and (options["sim"] or known):
        raise click.UsageError("--setup is for a blank unit on a port, and brings its own key")
    return options, known


def power_of(options: Options) -> Callable[[], None] | None:
    """Return a function that takes the unit's power away and gives it back, or None."""
    command = options["power_command"]
    if command:
        return lambda: run_power_command(command)
    return ask_operator if sys.stdin.isatty() else None


def run_power_command(command: str) -> None:
    """Run the operator's own command. Raises SilentUnitError."""
    done = subprocess.run(command, shell=True, check=False)
    if done.returncode:
        raise SilentUnitError(f"--power-command ended with exit code {done.returncode}")


def ask_operator() -> None:
    """Have a person pull the battery."""
    click.echo("\nTake ALL power from the unit: battery, panel and USB. Wait ten seconds.")
    click.prompt("Give it back, then press Enter", default="", show_default=False)


def connect(options: Options, known: bool, identity: Identity) -> SimUnit | SerialUnit | RamUnit:
    """Return the unit that is meant. Raises SilentUnitError."""
    if options["sim"]:
        return SimUnit(simulator_command(identity, None))
    if known or options["setup"]:
        return SerialUnit(options["port"], power_of(options), options["wait"])
    return RamUnit(options["port"], identity, options["wait"])


def set_up(unit: AnsweringUnit, identity: Identity) -> None:
    """Give a blank unit the example's identity over its console, for good."""
    click.echo(
        "The unit keeps this identity, whose key is public: everybody can make tokens for it. Set"
        " it up anew before it is sold."
    )
    assert identity.key
    answer = unit.ask(f"#SETUP;{identity.serial};{identity.starting_code:09};{identity.key.hex()}")
    if not answer.startswith("#SETUP;OK"):
        raise SilentUnitError("the unit refuses #SETUP: has it an identity already?")


def identified(unit: SimUnit | SerialUnit | RamUnit) -> str | None:
    """Return what the unit says to #ID, or None: not every console knows it."""
    try:
        answer = unit.ask("#ID", ID_S)
    except SilentUnitError:
        return None
    return answer if answer.startswith("#ID;") else None


def examine(unit: AnsweringUnit, identity: Identity, limits: Limits) -> tuple[Trial, list[Result]]:
    """Run all checks, telling each on standard error; return (trial, Results)."""
    assert identity.key
    chains = Chains(identity.key, identity.starting_code)
    model = Model(chains, identity.count, identity.time_divider, identity.restricted)
    trial = Trial(unit, model, limits)

    def progress(done: int, of: int) -> None:
        if done * 10 // of > (done - 1) * 10 // of:
            click.echo(f"         {done} of {of} random entries", err=True)

    def tell(result: Result) -> None:
        click.echo(f"{report.WORDS[result.verdict]:8} {result.title}", err=True)

    trial.progress = progress
    return trial, run(trial, tell=tell)


def write(path: Path, text: str) -> None:
    """Write a report file."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror}") from error
    click.echo(f"Report: {path}")


FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(name="conform")
@click.option("--sim", is_flag=True, help="Check the simulated unit.")
@click.option("--port", metavar="PORT", help="Check the unit on this serial port.")
@click.option(
    "--setup", is_flag=True, help="Give a blank unit the test identity by #SETUP; it keeps it."
)
@identity_options
@click.option("--key-file", type=FILE, help="Read the key from this file.")
@click.option(
    "--entries",
    type=whole("n", "a number of entries", 0, 1_000_000),
    default=300,
    show_default=True,
    help="Random entries.",
)
@click.option(
    "--seed",
    type=whole("n", "a seed", 0, 10**12 - 1),
    help="Repeat the random entries of an earlier run.",
)
@click.option(
    "--tolerance",
    type=whole("seconds", "a tolerance", 1, 3600),
    default=3,
    show_default=True,
    help="Seconds that a unit may round by.",
)
@click.option(
    "--extended",
    type=whole("value", "an extended value", 0, EXTENDED_MAX),
    help="Try extended tokens, with a value that does nothing on this unit.",
)
@click.option("--wait", is_flag=True, help="Wait for lockouts of 2 and 4 minutes in real time.")
@click.option(
    "--power-command", metavar="COMMAND", help="Takes the unit's power away and gives it back."
)
@click.option("--json", "json_file", type=FILE, metavar="FILE", help="Write the report as JSON.")
@click.option("--html", "html_file", type=FILE, metavar="FILE", help="Write it as one page.")
def command(**options: Any) -> None:
    """Check a unit against the rules of OpenPAYGO Token, and write a report.

    It works with any unit whose console answers #TOKEN;digits and #STATUS. Exit code 0: no
    check failed. 1: one failed, or the unit cannot be asked.

    \b
    The simulated unit, with a page for a certifier:
      payg conform --sim --html report.html
    A blank unit of ours; the test identity lies in its RAM only:
      payg conform --port /dev/ttyACM0
    Any blank unit that knows #SETUP (it keeps the test identity, whose key is public):
      payg conform --port /dev/ttyUSB0 --setup --json report.json
    Any unit whose key is known, its power switched by a relay:
      payg conform --port /dev/ttyUSB0 --key-file test.key --starting-code 123456789 \\
        --count 1 --wait --power-command "./relay.sh"
    """
    options, known = checked(options)
    identity = given_identity(options)
    extended = options["extended"]
    if extended is None and options["sim"]:
        extended = SIM_EXTENDED
    seed = secrets.randbelow(10**9) if options["seed"] is None else options["seed"]
    limits = Limits(options["tolerance"], extended, options["entries"], seed)
    click.echo(f"Random entries: {limits.entries}, --seed {seed}")
    try:
        with connect(options, known, identity) as unit:
            if options["setup"]:
                set_up(unit, identity)
            unit.greet()
            says = identified(unit)
            trial, results = examine(unit, identity, limits)
    except SilentUnitError as error:
        raise click.ClickException(str(error)) from error
    facts = report.about(trial, says)
    Console().print(report.table(results))
    click.echo(report.summary(results))
    for path, make in (
        (options["json_file"], report.as_json),
        (options["html_file"], report.as_html),
    ):
        if path:
            write(path, make(facts, results))
    sys.exit(1 if any(result.verdict == FAIL for result in results) else 0)
