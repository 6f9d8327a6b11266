"""The `payg` command. Each subcommand lives in a module of its own, imported when it is called."""

import importlib
import sys
from typing import NoReturn

import click

COMMANDS = (
    "sim",
    "token",
    "build",
    "flash",
    "deploy",
    "provision",
    "verify",
    "console",
    "batch",
    "export",
    "conform",
)


class LazyGroup(click.Group):
    """A group that imports a subcommand only when it is asked for: the simulator starts fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all subcommands, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the click command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(f"tools.commands.{cmd_name}").command
        return found


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
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
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
