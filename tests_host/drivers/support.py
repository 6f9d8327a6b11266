"""Drivers at the wire: one long-lived child of each interpreter runs scenarios on chip models."""

import json

MATRIX = {
    "4x3": {
        "rows": [2, 3, 4, 5],
        "columns": [6, 7, 8],
        "keys": ["123", "456", "789", "*0#"],
    },
    "4x4": {
        "rows": [2, 3, 4, 5],
        "columns": [6, 7, 8, 9],
        "keys": ["123A", "456B", "789C", "*0#D"],
    },
    "1x5": {"rows": [], "columns": [2, 3, 4, 5, 6], "keys": ["1234#"]},
}


class Drivers:
    """Runs scenarios of child.py on an Answerer; a refusal of a chip is an AssertionError."""

    def __init__(self, answerer):
        self._answerer = answerer

    def run(self, name, **scenario):
        """Return the answer to one scenario."""
        answer = self.ask(name, **scenario)
        assert "refused" not in answer, answer
        return answer

    def ask(self, name, **scenario):
        """The same, but a refusal is returned as {"refused": why}."""
        return json.loads(self._answerer.ask(dict(scenario, run=name)))


def chatter(at, key, closes, bounce=0):
    """Events of a contact that closes (or opens) at `at` and bounces for `bounce` us first."""
    events = [[at, key, closes]]
    steps = 6
    if bounce:
        for step in range(1, steps + 1):
            events.append([at + bounce * step // (steps + 1), key, closes ^ (step & 1)])
        events.append([at + bounce, key, closes])
    return events


def stroke(key, at, hold, bounce=0):
    """Events of a key that is pressed at `at` and held for `hold` us."""
    return chatter(at, key, True, bounce) + chatter(at + hold, key, False, bounce)
