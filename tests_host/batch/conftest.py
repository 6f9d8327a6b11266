"""Lists, ledgers in a file and on a real PostgreSQL, and the `payg` command in this process."""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tools.batches.ledger import Ledger
from tools.batches.lists import ListedUnit, write_list

KEY = "a29ab82edc5fbbc41ec9530f6dac86b1"
ENTERED = re.compile(r"Type ([0-9 ]+) #$")
SERVER_PROGRAMS = "/usr/lib/postgresql/*/bin"


@pytest.fixture(autouse=True)
def no_ledger_of_the_person(monkeypatch):
    monkeypatch.delenv("PAYG_LEDGER", raising=False)


def unit(number, **changes):
    """Return a ListedUnit with a key and a starting code of its own."""
    made = ListedUnit(
        serial=f"SLT{number:09}",
        starting_code=123456789 + number,
        key=(int(KEY, 16) + number).to_bytes(16, "big"),
        count=1,
        time_divider=1,
        restricted=False,
        hardware_model="SHS60",
        version="1.0",
        test_code=None,
    )
    return made._replace(**changes)


def begin_ledger(path):
    """Make the ledger beside a list, unless the ledger is there."""
    Ledger(str(path.parent / "ledger.db")).close()


def nothing_issued(path):
    """Is the ledger beside a list as it began, and is no file of tokens there?"""
    with Ledger(str(path.parent / "ledger.db"), create=False) as ledger:
        return not list(ledger.serials()) and not list(path.parent.glob("paid-*"))


@pytest.fixture
def batch(tmp_path):
    """A list of twenty units, with an empty ledger beside the list."""
    path = tmp_path / "batch.csv"
    write_list(path, [unit(number) for number in range(1, 21)])
    begin_ledger(path)
    return path


@pytest.fixture
def shelf(tmp_path):
    """Make a list of these units, with a ledger beside the list."""

    def make(*units):
        path = tmp_path / "batch.csv"
        path.unlink(missing_ok=True)
        write_list(path, units)
        begin_ledger(path)
        return path

    return make


def ask(batch, text, name="paid.csv"):
    path = batch.parent / name
    path.write_text(text, encoding="utf-8")
    return ["token", "--batch", batch, "--csv", path]


def issued(said):
    """Return (digits, count) of what `payg token` printed."""
    token, count, message = said.splitlines()
    digits = token.removeprefix("token ").replace(" ", "")
    assert ENTERED.search(message)[1].replace(" ", "") == digits
    return digits, int(count.removeprefix("count "))


def _programs():
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    return max(Path("/").glob(SERVER_PROGRAMS[1:]), default=None)


def _owner():
    """Return the user that the server runs as: it refuses to be root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")


@pytest.fixture(scope="session")
def server():
    """The socket's directory of a PostgreSQL that is started for the tests."""
    programs = _programs()
    if programs is None or not (programs / "pg_ctl").exists():
        pytest.skip("no PostgreSQL here; on Debian: apt-get install postgresql")
    owner = _owner()
    folder = Path(tempfile.mkdtemp(prefix="payg-pg-"))
    if owner:
        shutil.chown(folder, owner)

    def run(program, *arguments):
        command = [programs / program, "-D", folder / "data", *arguments]
        subprocess.run(
            command, user=owner, cwd=folder, check=True, timeout=60, stdout=subprocess.DEVNULL
        )

    try:
        run("initdb", "-A", "trust", "-U", "payg", "-E", "UTF8", "--no-sync")
        settings = f"-k {folder} -c listen_addresses= -c fsync=off"
        run("pg_ctl", "-w", "-o", settings, "-l", str(folder / "log"), "start")
        yield folder
        run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def postgresql(server):
    """The URL of an empty database."""
    import psycopg

    with psycopg.connect(f"host={server} user=payg dbname=postgres", autocommit=True) as database:
        database.execute("DROP DATABASE IF EXISTS fleet")
        database.execute("CREATE DATABASE fleet")
    return f"postgresql://payg@/fleet?host={server}"


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path):
    """Return a place for a new ledger: a file's name, or the URL of a server."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.db")
    return request.getfixturevalue("postgresql")


@pytest.fixture
def ledger(place):
    with Ledger(place) as opened:
        yield opened
