"""Hypothesis looks for entries, waits and power cuts on which unit and model differ."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests_host.controller.twin import Twin
from tests_host.helpers.examples import repeatable
from tools.conformance.rules import DISABLE, RESERVED, SYNC
from tools.seconds import DAY

VALUES = st.sampled_from((0, 1, 2, 30, 995))
UNITS = st.sampled_from(({}, {"count": 0}, {"restricted": True}, {"time_divider": 255}))


class AnySequence(RuleBasedStateMachine):
    """Everything a person can do to a unit; the Twin compares each answer with the model."""

    def __init__(self):
        super().__init__()
        self.twin = None
        self.typed = []

    @initialize(options=UNITS)
    def switch_on(self, options):
        self.twin = Twin(**options).__enter__()

    def teardown(self):
        if self.twin:
            self.twin.__exit__(None, None, None)

    def enter(self, value, count, extended=False):
        self.typed.append(self.twin.token(value, max(count, 0), extended))
        self.twin.settle()
        self.twin.enter(self.typed[-1])

    @property
    def last(self):
        return self.twin.model.rules.last

    @rule(value=VALUES, ahead=st.integers(1, 3))
    def next_token(self, value, ahead):
        self.enter(value, self.last + ahead)

    @rule(value=VALUES, ahead=st.integers(60, 68))
    def far_ahead(self, value, ahead):
        self.enter(value, self.last + ahead)

    @rule(value=VALUES, back=st.integers(0, 20))
    def late(self, value, back):
        self.enter(value, self.last - back)

    @rule(parity=st.integers(1, 2))
    def disable(self, parity):
        self.enter(DISABLE, self.last + parity)

    @rule(ahead=st.integers(-66, 104))
    def sync(self, ahead):
        self.enter(SYNC, self.last + ahead)

    @rule(value=st.sampled_from(RESERVED), ahead=st.integers(1, 2))
    def reserved(self, value, ahead):
        self.enter(value, self.last + ahead)

    @rule(value=st.sampled_from((0, 999, 424242)), ahead=st.integers(-1, 65))
    def extended(self, value, ahead):
        self.enter(value, self.last + ahead, True)

    @rule(which=st.integers(0, 30))
    def again(self, which):
        if self.typed:
            self.twin.settle()
            self.twin.enter(self.typed[which % len(self.typed)])

    @rule(digits=st.text("1234", min_size=1, max_size=22))
    def anything(self, digits):
        self.twin.settle()
        self.twin.enter(digits)

    @rule()
    def wait_for_lockout(self):
        self.twin.wait_for_lockout()

    @rule(seconds=st.sampled_from((0, 1, 59, 60, 338, 3540, 3600, DAY)))
    def wait(self, seconds):
        self.twin.advance(seconds)

    @rule(off=st.sampled_from((0, 1, 59, 61, 3600, DAY)))
    def power_cut(self, off):
        self.twin.power_cycle(off)


TestAnySequence = AnySequence.TestCase
TestAnySequence.settings = repeatable(25, stateful_step_count=25)
