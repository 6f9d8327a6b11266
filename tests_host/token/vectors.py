"""Prints what lib/opaygo makes of given input: run by CPython and by MicroPython, then compared.

One argument, the name of a JSON file: hashes, a list of [key, data] in hex; chains, a list of [key
(hex), extended, code, [slices]]; entries, a list of [restricted, digits]; devices, a list of [key
(hex), starting code, divider]; records, a list of hex. Anything refused prints its error.
"""

import json
import sys

import opaygo
from opaygo.chain import Chain, schedule


def attempt(function, *arguments):
    """Print what the function returns, or its error."""
    try:
        print(function(*arguments))
    except opaygo.OpaygoError as error:
        print(type(error).__name__, error)


def walk(key, extended, code, slices):
    """Return the codes on a chain at the end of each slice of hashes."""
    chain = Chain(schedule(bytes.fromhex(key)), extended, 0, 0)
    chain.seek(0, code)
    codes = []
    for hashes in slices:
        chain.next(hashes)
        codes.append((chain.count, chain.code))
    return codes


def device(key, starting_code, divider):
    """Return what a device made of these knows."""
    made = opaygo.Device(bytes.fromhex(key), starting_code, divider)
    return made.starting_code, made.time_divider, made.longest


def main(job):
    """Print everything."""
    for key, data in job["hashes"]:
        print(opaygo.siphash24(bytes.fromhex(key), bytes.fromhex(data)).hex())
    for arguments in job["chains"]:
        print(walk(*arguments))
    for restricted, digits in job["entries"]:
        attempt(opaygo.Device(bytes(16), 1, 1, restricted).read, digits)
    for arguments in job["devices"]:
        attempt(device, *arguments)
    for record in job["records"]:
        attempt(opaygo.unpack, bytes.fromhex(record))


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        main(json.load(file))
