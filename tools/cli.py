"""The `payg` command. Each subcommand lives in a module of its own, imported when it is called."""

import sys

try:
    import difflib
    import importlib
    import os
    import runpy
    from collections import Counter
    from typing import Any, NoReturn

    import click

    from tools.paths import ROOT
except KeyboardInterrupt:  # so early that nobody else could word it
    print("Stopped.", file=sys.stderr)
    sys.exit(130)

COMMANDS = (
    "sim",
    "token",
    "build",
    "flash",
    "deploy",
    "provision",
    "verify",
    "wipe",
    "console",
    "batch",
    "export",
    "ledger",
    "conform",
    "board",
)


class LazyGroup(click.Group):
    """A group that imports a subcommand only when it is asked for: the simulator starts fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all subcommands, in the order of the table."""
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a line or two for each command: the first sentence of its help, whole."""
        commands = [(name, self.get_command(ctx, name)) for name in COMMANDS]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, found.get_short_help_str(200)) for name, found in commands if found]
            )

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the click command of that name. Raises click.UsageError."""
        if cmd_name == "help":
            return show_help
        if cmd_name not in COMMANDS:
            near = difflib.get_close_matches(cmd_name, COMMANDS, 1, 0.5)
            hint = f"do you mean `payg {near[0]}`?" if near else "`payg --help` names them"
            raise click.UsageError(f"there is no command {cmd_name!r}; {hint}", ctx)
        found: click.Command = importlib.import_module(f"tools.commands.{cmd_name}").command
        _refuse_repeated(found)
        return found


def _refuse_repeated(command: click.Command) -> None:
    """Make a command refuse two units where it takes one; click would take the last --serial."""
    if isinstance(command, click.Group):
        for each in command.commands.values():
            _refuse_repeated(each)
    make = command.make_parser

    def make_parser(context: click.Context) -> Any:
        parser = make(context)
        parse = parser.parse_args

        def parse_args(args: list[str]) -> Any:
            found = parse(args)
            for parameter, number in Counter(found[2]).items():
                if number > 1 and "--serial" in parameter.opts and not parameter.multiple:
                    raise click.UsageError(f"{parameter.opts[0]} is given {number} times", context)
            return found

        parser.parse_args = parse_args  # type: ignore[method-assign]
        return parser

    command.make_parser = make_parser  # type: ignore[assignment, method-assign]


@click.command(name="help")
@click.argument("name", required=False)
@click.pass_context
def show_help(context: click.Context, name: str | None) -> None:
    """Print the help of `payg`, or of a command, for those who type `payg help`."""
    group = context.parent
    assert group is not None and isinstance(group.command, LazyGroup)
    found = group.command.get_command(group, name) if name else None
    asked = click.Context(found, group, name) if found else group
    click.echo(asked.get_help())


def show_version(context: click.Context, option: click.Parameter, asked: bool) -> None:
    """Print the version, which is the firmware's, and end."""
    if asked:
        click.echo(f"payg {runpy.run_path(str(ROOT / 'firmware' / '__init__.py'))['VERSION']}")
        context.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=show_version,
    help="Show the version of firmware and tools, and exit.",
)
def payg() -> None:
    """Everything around a pay-as-you-go solar charge controller: from the list to the token.

    \b
    Try one in this terminal:
      payg sim
    A list of 20 units, a board that becomes one of them, and 30 days for its customer:
      payg batch new --prefix SLT --first 1 --quantity 20 --out batch.csv
      payg flash --board pico
      payg deploy --port /dev/ttyACM0
      payg provision --port /dev/ttyACM0 --batch batch.csv --serial next
      payg token --batch batch.csv --serial SLT000000001 --add 30
    Each command has its own examples:
      payg token --help
    """


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run `payg`; a mistake is one plain line on standard error and exit code 2."""
    try:
        code = payg.main(args=arguments, prog_name="payg", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        name = context.command_path if context else "payg"
        click.echo(f"{name}: {' '.join(error.format_message().split())}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"payg: {where}{error.strerror or error}", err=True)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
