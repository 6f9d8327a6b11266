"""The store against a dictionary: the own flash decides, else the newest of the other media.

Hypothesis makes the lives: media that do not answer, that lie, that are torn by a power cut, that
lose everything. The dictionary knows nothing of slots, kinds and repairs.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

import opaygo
from firmware.account import UNKNOWN, Account
from firmware.store import Store, StoreError
from tests_host.store.memory import IDENTITY, Cut, Memory, account, known

MEDIA = st.integers(0, 2)
LEFT = st.integers(0, 1 << 29)


class Life(RuleBasedStateMachine):
    """A unit with flash, perhaps a second medium, perhaps a small one."""

    @initialize(count=st.integers(1, 3))
    def provision(self, count):
        self.media = [Memory(), Memory(), Memory(small=True)][:count]
        self.given = [[] for _ in self.media]  # what each may hold: (sequence, state, account)
        self.store = Store(self.media)
        self.store.write_identity(IDENTITY)
        assert self.store.load(IDENTITY.count) is None
        self.now = opaygo.new_state(1), account(0)
        self._store(self.now, True)

    def _store(self, what, full, copy=False):
        """Give it to the store; remember who must and who may have it."""
        state, paid = what
        sequence = self.store._used + 1
        logs = [len(medium.log) for medium in self._watch()]
        try:
            if full:
                self.store.save(state, paid)
            else:
                self.store.beat(paid, copy)
            self.now = what
        except (StoreError, Cut):
            pass
        record = sequence, state, paid
        for medium, given, before in zip(self.media, self.given, logs):
            written = len(medium.log) > before
            if written and not medium.lies:
                given[:] = [record]
            elif written or medium.tear is not None:
                given.append(record)  # or what it held before
            medium.tear = None

    def _watch(self):
        for medium in self.media:
            medium.log = medium.log or []
        return self.media

    @rule(left=LEFT, ahead=st.integers(1, 3))
    def save(self, left, ahead):
        state = opaygo.new_state(self.now[0].count + ahead)._replace(used=left & 0xFFFF)
        self._store((state, account(left)), True)

    @rule(
        left=LEFT, locked=st.integers(0, 30_720), mistakes=st.integers(0, 255), copy=st.booleans()
    )
    def beat(self, left, locked, mistakes, copy):
        self._store((self.now[0], account(left, locked, mistakes)), False, copy)

    @rule(index=MEDIA, dead=st.booleans())
    def answers(self, index, dead):
        self.media[index % len(self.media)].dead = dead

    @rule(index=MEDIA, lies=st.booleans())
    def lies(self, index, lies):
        self.media[index % len(self.media)].lies = lies

    @rule(index=MEDIA, at=st.integers(0, 720), full=st.booleans(), left=LEFT)
    def cut(self, index, at, full, left):
        """The power fails while a medium is written."""
        medium = self.media[index % len(self.media)]
        if medium.dead:
            return
        medium.tear = at
        if full:
            self.save(left, 2)
        else:
            self.beat(left, 60, 3, bool(at & 1))
        self.boot()

    @rule()
    def boot(self):
        """The power comes back; the flash, at least, answers."""
        for medium in self.media:
            medium.lies = False
        self.media[0].dead = False
        self.store = Store(self.media)
        assert self.store.identity() == IDENTITY
        self._look()

    @rule()
    def lose_flash(self):
        """The file system is gone; the unit is provisioned again."""
        self.media[0].clear()
        self.given[0].clear()
        self.media[0].dead = self.media[0].lies = False
        self.store = Store(self.media)
        assert self.store.identity() is None
        self.store.write_identity(IDENTITY)
        self._look()

    def _look(self):
        found = self.store.load(IDENTITY.count)
        wanted = self._wanted()
        if not wanted:
            assert found is None
            self.now = opaygo.new_state(1), account(0)
        else:
            assert known(found) in wanted
            self.now = found
        self._store(self.now, found is None)

    def _wanted(self):
        """Return the records that load() may return: the newest, and those in doubt.

        The own flash decides. If the own flash holds nothing, the other media are charged an hour.
        """
        if self.given[0]:
            return self._newest([(0, self.given[0])])
        others = list(enumerate(self.given))[1:]
        held = [(at, given) for at, given in others if given and not self.media[at].dead]
        return self._newest(held)

    def _newest(self, held):
        if not held:
            return []
        held = [[(record[0], at < 2, at) + record[1:] for record in given] for at, given in held]
        sure = max((records[0] for records in held), key=lambda record: record[:2])
        may = [record for records in held for record in records if record[:2] >= sure[:2]]
        return [self._seen(*record) for record in may]

    def _seen(self, _sequence, whole, at, state, paid):
        if at:
            paid = Account.unpack(paid.pack())
            paid.bound = UNKNOWN
        return (state, paid.pack()) if whole else (opaygo.new_state(state.count), paid.pack())


Life.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestLife = Life.TestCase
