"""A unit's identity as the commands take it: one set of options, one set of rules for all."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import click

from tools.plain import hide_keys

SERIAL_LENGTH = 32
KEY_DIGITS = 32
STARTING_CODE_MAX = 999_999_999
COUNT_MAX = 0xFF_FFFF  # three bytes in the unit's record
TIME_DIVIDER_MAX = 255
LANGUAGES = ("en", "fr", "sw")


Command = TypeVar("Command", bound=Callable[..., Any])


class Identity(NamedTuple):
    """A unit's identity.

    serial: 1..32 characters; key: 16 bytes or None (a blank unit); starting_code: 0..999999999
    or None (derived from the key); count: tokens up to this one are used; time_divider: units
    in a day, 1..255; restricted: tokens of the digits 1..4; language: of the display's texts.
    """

    serial: str
    key: bytes | None
    starting_code: int | None = None
    count: int = 1  # type: ignore[assignment]  # tuple.count
    time_divider: int = 1
    restricted: bool = False
    language: str = "en"


def identity_from(
    options: Mapping[str, Any],
    serial: str = "",
    key: bytes | None = None,
    starting_code: int | None = None,
    count: int = 1,
) -> Identity:
    """Return the Identity that the options of `identity_options` name; the rest stands for these.

    `key` and `starting_code` go together: they are taken when the options have no key. Raises
    click.UsageError.
    """
    given = key_from(options)
    if given is None and options["starting_code"] is not None:
        also = " or --key-file" if "key_file" in options else ""
        raise click.UsageError(f"--starting-code needs --key{also}")
    return Identity(
        serial=options["serial"] or serial,
        key=given or key,
        starting_code=options["starting_code"] if given else starting_code,
        count=count if options["count"] is None else options["count"],
        time_divider=options["time_divider"],
        restricted=options["restricted"],
        language=options.get("language", "en"),
    )


def key_from(options: Mapping[str, Any]) -> bytes | None:
    """Return the key of --key or of --key-file, or None. Raises click.UsageError."""
    path = options.get("key_file")
    if path is None:
        key: bytes | None = options["key"]
        return key
    if options["key"] is not None:
        raise click.UsageError("give the key once: --key HEX or --key-file FILE")
    try:
        return parse_key(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise click.UsageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise click.UsageError(f"the key file {path} is not text") from None
    except ValueError as error:
        raise click.UsageError(f"in the key file {path}: {error}") from error


DEMO = Identity("DEMO00001", bytes.fromhex("00112233445566778899aabbccddeeff"), 123_456_789)
"""The demo unit. Its key is public: whoever reads this can make tokens for it."""

PUBLISHED_KEY = bytes.fromhex("a29ab82edc5fbbc41ec9530f6dac86b1")
PUBLISHED_CODE = 123_456_789
"""Key and starting code of the protocol's published example."""


def parse_serial(text: str) -> str:
    """Return a serial number as it is, or raise ValueError."""
    if not 1 <= len(text) <= SERIAL_LENGTH:
        raise ValueError(f"a serial number has 1 to {SERIAL_LENGTH} characters, not {len(text)}")
    if not re.fullmatch("[!-:<-~]+", text):
        raise ValueError("a serial number has no spaces, semicolons or accents")
    return text


def parse_key(text: str) -> bytes:
    """Return the 16 bytes of a key given in hexadecimal, or raise ValueError without the key."""
    if len(text) != KEY_DIGITS:
        raise ValueError(f"a key has {KEY_DIGITS} hexadecimal digits, not {len(text)}")
    if not re.fullmatch("[0-9a-fA-F]+", text):
        raise ValueError("a key has hexadecimal digits only (0-9, a-f)")
    return bytes.fromhex(text)


def parse_whole(text: str, name: str, lowest: int, highest: int) -> int:
    """Return a whole number in ASCII digits within lowest..highest, or raise ValueError."""
    if re.fullmatch("[0-9]{1,12}", text) and lowest <= int(text) <= highest:
        return int(text)
    raise ValueError(f"{name} is a whole number from {lowest} to {highest}, not {text!r}")


class Checked(click.ParamType[Any]):
    """A click type made of a function that returns the value or raises ValueError."""

    def __init__(self, name: str, parse: Callable[[str], object]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse what the command line gave; defaults arrive parsed."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(hide_keys(str(error)), param, ctx)


def whole(metavar: str, name: str, lowest: int, highest: int) -> Checked:
    """Return a click type for a whole number within lowest..highest."""
    return Checked(metavar, lambda text: parse_whole(text, name, lowest, highest))


SERIAL = Checked("text", parse_serial)
KEY = Checked("hex", parse_key)
STARTING_CODE = whole("code", "a starting code", 0, STARTING_CODE_MAX)
COUNT = whole("n", "a count", 0, COUNT_MAX)
TIME_DIVIDER = whole("n", "a time divider", 1, TIME_DIVIDER_MAX)


def identity_options(command: Command) -> Command:
    """Decorate a command with the options that make an identity."""
    for option in reversed(
        (
            click.option("--serial", type=SERIAL, help=f"Serial number, up to {SERIAL_LENGTH}."),
            click.option("--key", type=KEY, help="Secret key, 32 hexadecimal digits."),
            click.option(
                "--starting-code",
                type=STARTING_CODE,
                help="Starting code, 0 to 999999999; without it, it is derived from the key.",
            ),
            click.option(
                "--count", type=COUNT, help="Tokens up to this count are used (a new unit: 1)."
            ),
            click.option(
                "--time-divider",
                type=TIME_DIVIDER,
                default=1,
                show_default=True,
                help="Time units in a day, 1 to 255.",
            ),
            click.option("--restricted", is_flag=True, help="Tokens of the digits 1 to 4 only."),
        )
    ):
        command = option(command)
    return command
