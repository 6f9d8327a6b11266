"""A unit's entries over its life: a random mixture of all that people and servers do."""

from tools.conformance.rules import DISABLE, RESERVED, SYNC
from tools.seconds import DAY


class Customer:
    """Chooses entries and waiting times for a Twin. `random`: a seeded random.Random."""

    def __init__(self, random, twin):
        self.random = random
        self.twin = twin
        self.rules = twin.model.rules
        pool = [0, 1, 7, 30, 365, 995] + [random.randrange(996) for _ in range(8)]
        self.values = pool
        self.extended = [random.randrange(10**6) for _ in range(2)] + [998, 999]
        self.typed = []

    def step(self):
        """Do one thing, and say what."""
        twin, random = self.twin, self.random
        if random.random() < 0.12:
            return self._wait()
        if twin.model.locked and random.random() < 0.7:
            twin.wait_for_lockout()
        twin.settle()
        kinds, weights = zip(*_MIXTURE)
        kind = random.choices(kinds, weights)[0]
        entry = kind(self)
        outcome = twin.enter(entry)
        self.typed.append(entry)
        return f"{kind.__name__} {entry}: {outcome}"

    def _wait(self):
        random = self.random
        if random.random() < 0.12:
            off = random.choice((0, 1, 30, 59, 600, 7200, 5 * DAY))
            self.twin.power_cycle(off)
            return f"power off for {off} s"
        seconds = random.choice((5, 5, 61, 61, 600, 600, 600, 3600, 3600, 7200, 14_400))
        seconds += random.randrange(60)
        self.twin.advance(seconds)
        return f"advance {seconds}"

    # --- entries -------------------------------------------------------------------------

    def _value(self):
        return self.random.choice(self.values)

    def _ahead(self, parity, most=6):
        count = self.rules.last + self.random.randint(1, most)
        return count + (count + parity) % 2

    def add(self):
        return self.rules.token(self._value(), self._ahead(0))

    def set(self):
        return self.rules.token(self._value(), self._ahead(1))

    def jump(self):
        return self.rules.token(self._value(), self.rules.last + self.random.randint(2, 70))

    def late(self):
        back = self.random.randint(0, 20)
        return self.rules.token(self._value(), max(0, self.rules.last - back))

    def recent(self):
        return self.random.choice(self.typed[-12:] or [self.add()])

    def long_gone(self):
        return self.random.choice(self.typed or [self.add()])

    def disable(self):
        return self.rules.token(DISABLE, self._ahead(1))

    def sync(self):
        return self.rules.token(SYNC, self.rules.last + self.random.randint(1, 104))

    def sync_back(self):
        return self.rules.token(SYNC, max(0, self.rules.last - self.random.randint(0, 66)))

    def reserved(self):
        return self.rules.token(self.random.choice(RESERVED), self._ahead(0))

    def extended_token(self):
        count = self.rules.last + self.random.randint(-2, 66)
        return self.rules.token(self.random.choice(self.extended), max(0, count), True)

    def nonsense(self):
        """A number of the right length, worth a value that is walked anyway."""
        if self.rules.restricted:
            return "".join(self.random.choices("1234", k=15))
        base = (self.rules.unit.starting_code + self._value()) % 1000
        return f"{self.random.randrange(10**6):06}{base:03}"

    def slip(self):
        """One digit of a good token is wrong; rarely one that says the value."""
        token = self.add()
        at = self.random.randrange(len(token) - (0 if self.random.random() < 0.1 else 5))
        wrong = self.random.choice("1234" if self.rules.restricted else "0123456789")
        return token[:at] + wrong + token[at + 1 :]

    def malformed(self):
        """Too short, between the two lengths, or with digits that the unit does not use."""
        shorter, longer = self.rules.lengths()
        length = self.random.choice((1, shorter - 1, shorter + 1, longer - 1))
        if self.rules.restricted and self.random.random() < 0.3:
            return "5" + self.add()[1:]
        return "".join(self.random.choices("1234", k=length))

    def too_long(self):
        """More digits than the longest token has: the panel takes the first ones."""
        shorter, longer = self.rules.lengths()
        return self.add() + "1" * (longer - shorter + self.random.randint(1, 3))


_MIXTURE = (
    (Customer.add, 30),
    (Customer.set, 12),
    (Customer.jump, 4),
    (Customer.late, 12),
    (Customer.recent, 8),
    (Customer.long_gone, 5),
    (Customer.disable, 2),
    (Customer.sync, 1),
    (Customer.sync_back, 2),
    (Customer.reserved, 2),
    (Customer.extended_token, 4),
    (Customer.nonsense, 3),
    (Customer.slip, 4),
    (Customer.malformed, 4),
    (Customer.too_long, 1),
)
