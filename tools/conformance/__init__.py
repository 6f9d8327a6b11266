"""The parts of `payg conform`: rules, model, units, trial, checks, report.

No line is shared with lib/opaygo: the rules are written from the protocol's text, the tokens come
from the protocol's own encoder.
"""
