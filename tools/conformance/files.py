"""Where reports may be written: a new file, an empty file, or an earlier report of the kit."""

from collections.abc import Sequence
from pathlib import Path

import click

BEGIN = 400  # bytes in which a report of the kit tells its maker
MARKS = (b'"tool": "payg"', b"<title>Conformance: ", b'<testsuite name="OpenPAYGO conformance')


def check_reports(reports: Sequence[tuple[str, Path]], inputs: Sequence[tuple[str, Path]]) -> None:
    """Raise click.ClickException for a file that a report must not replace, or cannot.

    reports: (option, path) of each report; inputs: of each file that the run needs. No new file
    is left behind.
    """
    taken = [(option, path.resolve()) for option, path in inputs]
    for option, path in reports:
        for other, place in taken:
            if path.resolve() == place and not path.is_char_device():
                raise click.UsageError(f"{option} and {other} name the same file, {path}")
        taken.append((option, path.resolve()))
        _check(path)


def _check(path: Path) -> None:
    existed = path.exists()
    try:
        if path.is_fifo():
            return  # whose opening waits for a reader
        if existed and not _may_go(path):
            raise click.ClickException(
                f"{path} is there and is no earlier report of payg conform: name another file"
            )
        path.open("a", encoding="utf-8").close()
        if not existed:
            path.unlink()
    except OSError as error:
        raise unwritable(path, error) from error


def _may_go(path: Path) -> bool:
    """Is this existing file a report, empty, or a device such as /dev/null?"""
    if path.is_char_device():
        return True
    with path.open("rb") as file:
        begin = file.read(BEGIN)
    return not begin or any(mark in begin for mark in MARKS)


def unwritable(path: Path, error: OSError) -> click.ClickException:
    """Return the exception that tells why a report file cannot be written."""
    return click.ClickException(f"cannot write {path}: {error.strerror}")


def write(path: Path, text: str) -> None:
    """Write a report file."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise unwritable(path, error) from error
    click.echo(f"Report: {path}")
