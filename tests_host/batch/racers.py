"""The work of a process in the races. Each function opens the ledger for itself."""

import sys

from tests_host.batch.conftest import unit
from tools.batches.issuing import Wish, order_of
from tools.batches.ledger import Ledger, TakenError
from tools.tokens import parse_days


def wait_for(barrier):
    """All begin at once."""
    barrier.wait(timeout=60)


def open_it(barrier, place, station):
    wait_for(barrier)
    with Ledger(place):
        return station


def take_all(barrier, place, station, serials):
    """Ask for the next serial number until there is none."""
    got = []
    with Ledger(place) as ledger:
        wait_for(barrier)
        while (serial := ledger.next_serial(serials, station)) is not None:
            got.append(serial)
    return got


def provision_same(barrier, place, station, serials):
    """Try to have each of the serial numbers, in the same order as everybody else."""
    got = []
    with Ledger(place) as ledger:
        wait_for(barrier)
        for serial in serials:
            try:
                ledger.reserve(serial, station)
                ledger.provisioned(serial, station, "f1", station)
            except TakenError:
                continue
            got.append(serial)
    return got


def issue_some(barrier, place, number, how_many):
    """Issue tokens for one unit, one after the other."""
    order = order_of(unit(number), Wish(unit(number).serial, "add", parse_days("7")))
    with Ledger(place) as ledger:
        wait_for(barrier)
        return [ledger.issue([order])[0] for _ in range(how_many)]


def issue_both_ways(barrier, place, numbers, how_many):
    """Issue for several units in one transaction, in the given order of units."""
    orders = [
        order_of(unit(number), Wish(unit(number).serial, "set", parse_days("7")))
        for number in numbers
    ]
    with Ledger(place) as ledger:
        wait_for(barrier)
        return [issued for _ in range(how_many) for issued in ledger.issue(orders)]


def print_for_ever(place):
    """Issue and print tokens until killed."""
    order = order_of(unit(1), Wish(unit(1).serial, "add", parse_days("7")))
    with Ledger(place) as ledger:
        while True:
            issued = ledger.issue([order])[0]
            print(issued.count, issued.digits, flush=True)


if __name__ == "__main__":
    print_for_ever(sys.argv[1])
