"""Kills a process between any two steps of a day at the ledger, then repeats the command.

Run as a program, `python -m tests_host.batch.killed FOLDER` prints for each place of the kill
[place, counts of all tokens that were printed before and after, counts in the ledger].
"""

import json
import os
import sys
from pathlib import Path

import sqlalchemy as sa

from tools.batches.ledger import Ledger, Order

SERIAL = "SLT000000001"


def order(kind, odd):
    """Return an Order whose token has the next odd or even count, and digits that tell it."""

    def make(count):
        count += 1 + count % 2 if odd else 2 - count % 2
        return count, f"{count:09}"

    return Order(SERIAL, 1, kind, None, make)


ADD, SET, SYNC = order("add", False), order("set", True), order("sync", True)
DAY = (
    lambda ledger: ledger.issue([ADD, SET]),
    lambda ledger: ledger.resync(SYNC, 150),
    lambda ledger: ledger.resync(SYNC, 3),
    lambda ledger: ledger.issue([ADD]),
)
EVENTS = ("before_cursor_execute", "after_cursor_execute", "commit")


def child(place, kill_at, tell):
    """Live the day from its begin; die at step `kill_at`. Each line of `tell`: printed counts."""
    steps = 0

    def step(*_):
        nonlocal steps
        if steps == kill_at:
            os._exit(9)
        steps += 1

    with Ledger(place) as ledger:
        for event in EVENTS:
            sa.event.listen(ledger._engine, event, step)
        for live in DAY:
            os.write(tell, (json.dumps([token.count for token in live(ledger)]) + "\n").encode())
            step()


def day(place, kill_at):
    """Return (was it killed?, all printed counts) of a day; the killed command is repeated."""
    mine, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            child(place, kill_at, theirs)
        finally:
            os._exit(0)
    os.close(theirs)
    with open(mine, encoding="ascii") as file:
        printed = [json.loads(line) for line in file]
    killed = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    with Ledger(place) as ledger:
        for live in DAY[len(printed) :]:
            printed.append([token.count for token in live(ledger)])
        kept = [token.count for token in ledger.tokens(SERIAL)]
        assert ledger.count(SERIAL) == max(kept)
    return killed, [count for some in printed for count in some], kept


def main(folder):
    """Kill at each step in turn, until a day has no more steps."""
    killed, kill_at = True, 0
    while killed:
        killed, printed, kept = day(str(folder / f"{kill_at}.db"), kill_at)
        print(json.dumps([kill_at, printed, kept]))
        kill_at += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]))
