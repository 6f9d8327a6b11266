"""`payg console`: options and what is printed."""

import click

from tools.station.console import ConsoleError, LineConsole, described, events


@click.command(name="console")
@click.option("--port", required=True, metavar="PORT", help="Serial port of the unit.")
def command(port: str) -> None:
    """Ask a unit who it is, what is paid and what happened to it. It works sealed too.

    Nothing on the unit is changed.

    \b
    Serial, status, count, key check value, firmware version, counters and event log:
      payg console --port /dev/ttyACM0
    """
    try:
        with LineConsole(port) as console:
            answers = [console.ask(word) for word in ("ID", "STATUS", "COUNTERS")]
            for line in described(port, *answers):
                click.echo(line)
            log = list(events(console))
            click.echo(f"Events     {len(log) or 'none'}")
            for line in log:
                click.echo(f"  {line}")
    except ConsoleError as error:
        raise click.ClickException(str(error)) from error
