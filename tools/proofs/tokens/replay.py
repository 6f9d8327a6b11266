"""Judges lives on CPython or MicroPython: a JSON object per line in, a line of verdicts out.

In: key (hex), starting_code, divider, restricted, count, tokens. Out: outcome,value,count,seconds
of each token, then a digest over all packed states. Reads standard input, or a named file.
"""

import json
import sys

from opaygo import Device, judge, new_state, pack, siphash24, unpack


def replay(job):
    """Return the line for one life. After each token, the state is packed and unpacked."""
    key = bytes.fromhex(job["key"])
    device = Device(key, job["starting_code"], job["divider"], job["restricted"])
    state = new_state(job["count"])
    digest = b""
    out = []
    for digits in job["tokens"]:
        verdict, state = judge(device, state, digits)
        out.append(",".join([str(field) for field in verdict]))
        packed = pack(state)
        digest = siphash24(key, digest + packed)
        state = unpack(packed)
    out.append(digest.hex())
    return " ".join(out)


def main(source):
    """Answer each line until the last."""
    while True:
        line = source.readline()
        if not line:
            return
        print(replay(json.loads(line)))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        with open(sys.argv[1]) as file:
            main(file)
    else:
        main(sys.stdin)
