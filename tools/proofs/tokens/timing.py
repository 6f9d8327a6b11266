"""Times the token engine on the running interpreter: CPython, MicroPython, or a Pico's.

One argument, the name of a JSON file: key (hex), starting_code, and cases, a list of objects with
a count and the tokens accept, repeat, sync, resync and reject. Prints a list of [bench, count,
value], in microseconds per hash and in milliseconds.
"""

import json
import sys
import time

if hasattr(time, "ticks_us"):
    now, since = time.ticks_us, lambda start: time.ticks_diff(time.ticks_us(), start)
else:

    def now():
        """Return microseconds."""
        return time.perf_counter_ns() // 1000

    def since(start):
        """Return the microseconds since."""
        return now() - start


def full(state, spend, ring):
    """Return the state with a ring full of tokens never issued, at the same count."""
    last = state.count
    if last > 2 * ring:
        for at in range(ring):
            state = spend(state, at, last - 2 * (ring - 1 - at), False, b"")
    return state


def timed(device, state, digits, wanted):
    """Return (milliseconds, state afterwards) of judging."""
    start = now()
    verdict, state = judge(device, state, digits)
    total = since(start)
    if verdict.outcome not in wanted:
        raise ValueError(verdict.outcome + ": " + digits)
    return total / 1000, state


def longest_slice(device, state, digits):
    """Return the milliseconds of the longest slice of judging."""
    longest, start = 0, now()
    for _ in judging(device, state, digits):
        longest = max(longest, since(start))
        start = now()
    return longest / 1000


def case(device, job):
    """Print the figures of one count."""
    count = job["count"]
    chain = Chain(device.schedule, False, 0, 0)
    chain.seek(0, device.starting_code)
    start = now()
    chain.next(count)
    rows = [["hash_us", count, since(start) / count]]
    state = full(new_state(count), spend, RING)
    credit = "ADD_TIME", "SET_TIME"
    value, after = timed(device, state, job["accept"], credit)
    rows.append(["accept_ms", count, value])
    value, _ = timed(device, after, job["repeat"], credit)
    rows.append(["repeat_accept_ms", count, value])
    _, after = timed(device, state, job["sync"], ("COUNTER_SYNC",))
    value, _ = timed(device, after, job["resync"], ("COUNTER_SYNC",))
    rows.append(["repeat_sync_ms", count, value])
    value, _ = timed(device, state, job["reject"], ("INVALID",))
    rows.append(["reject_ms", count, value])
    rows.append(["slice_ms", count, longest_slice(device, state, job["reject"])])
    return rows


with open(sys.argv[1]) as file:
    job = json.load(file)
start = now()
from opaygo import Device, judge, judging, new_state  # noqa: E402 (the import is timed, too)
from opaygo.chain import Chain  # noqa: E402
from opaygo.state import RING, spend  # noqa: E402

rows = [["import_ms", 0, since(start) / 1000]]
unit = Device(bytes.fromhex(job["key"]), job["starting_code"])
for each in job["cases"]:
    rows += case(unit, each)
print(json.dumps(rows))
