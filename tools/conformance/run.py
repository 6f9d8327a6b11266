"""Runs the checks that a unit allows, and keeps the results."""

import time
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import click

from tools.conformance.checks import CHECKS, PROFILES, Check
from tools.conformance.trial import (
    REACH,
    CollisionError,
    DeviationError,
    Entry,
    LockedError,
    TooLateError,
    Trial,
)
from tools.conformance.units import BrokenError, SilentUnitError
from tools.identity import PUBLISHED_CODE, PUBLISHED_KEY

PASS, FAIL, NOT_RUN = "pass", "fail", "not run"
PASSED, FAILED, NOTHING, STOPPED = "passed", "failed", "nothing checked", "stopped"
EXIT_CODES = {PASSED: 0, FAILED: 1, NOTHING: 3, STOPPED: 130}
TRIES = 3  # of a check that met two tokens of one code
BEFORE = 8  # entries shown before a wrong answer
LOST = "the unit could not be brought to a known state"
SILENT = "the unit answers no more"
LOCKED = "the keypad is locked"
TWICE = "is by chance the token of two counts of this key; repeat with another key"
LATE = "the lockout ended before the entry was typed; repeat, and type faster"
INTERRUPTED = "stopped by the operator"
UNFINISHED = "not finished"


class Result(NamedTuple):
    """The result of a check.

    source: of its rule, a name of PROFILES; verdict: PASS, FAIL or NOT_RUN; detail: why, or "";
    entry: with the wrong answer, or None; before: the check's entries before that.
    """

    name: str
    title: str
    about: str
    source: str
    verdict: str
    detail: str = ""
    entries: int = 0
    seconds: float = 0
    entry: Entry | None = None
    before: tuple[Entry, ...] = ()


def lacks(trial: Trial) -> dict[str, str]:
    """Return {need: reason} of the needs that this unit or this run does not meet."""
    rules, limits, model = trial.rules, trial.limits, trial.model
    unit = rules.unit
    is_example = (unit.key, unit.starting_code) == (PUBLISHED_KEY, PUBLISHED_CODE)
    missing = {
        "new": rules.last > 1 and "the unit is not new: its count is above 1",
        "published": not (is_example and model.time_divider == 1 and not rules.restricted)
        and "the unit has another key, time divider or digit set than the example",
        "plain": rules.restricted and "digits 1 to 4 have no zero",
        "restricted": not rules.restricted and "the unit uses the digits 0 to 9",
        "extended": limits.extended is None
        and "name a value that does nothing on this unit: --extended VALUE",
        "entries": not limits.entries and "--entries 0",
        "instant": not trial.unit.instant and "takes three days; only in the simulator",
        "power": trial.unit.no_power,
        "wait": trial.unit.no_wait,
    }
    return {need: reason for need, reason in missing.items() if reason}


def outcome(results: Sequence[Result], trial: Trial) -> str:
    """Return PASSED, FAILED, NOTHING or STOPPED, for all results or those of a profile."""
    if any(result.verdict == FAIL for result in results):
        return FAILED
    if any(result.detail == INTERRUPTED for result in results):
        return STOPPED
    gave_up = any(result.detail.startswith((LOST, LOCKED, UNFINISHED)) for result in results)
    passed = any(result.verdict == PASS for result in results)
    return PASSED if passed and trial.accepted and not gave_up else NOTHING


def run(
    trial: Trial,
    checks: Sequence[Check] = CHECKS,
    tell: Callable[[Result], None] = lambda result: None,
    profile: str = "strict",
    without: Collection[str] = (),
) -> list[Result]:
    """Run the checks of a profile in order; return their Results. `tell` gets each Result at once.

    without: names of checks to leave out. A check outside the profile has no Result.
    """
    missing = lacks(trial)
    results: list[Result] = []
    dead: str | None = None
    absent: str | None = None  # why the check before this check left nothing to go on from
    trial.adopt()
    for check in checks:
        if check.source not in PROFILES[profile]:
            continue
        reason = dead or next((missing[need] for need in check.needs if need in missing), None)
        absent = absent if check.state == "next" else None
        if absent:
            reason = dead or f"goes on from {absent}"
        if check.name in without:
            reason = f"left out: --without {check.name}"
        if reason:
            result = _result(check, NOT_RUN, reason)
        else:
            try:
                result, dead = _one(trial, check)
            except (KeyboardInterrupt, click.Abort):
                trial.doubt = True  # the last entry may have counted
                result, dead = _result(check, NOT_RUN, INTERRUPTED), INTERRUPTED
        if result.verdict == FAIL:
            absent = f"{check.title}, which failed"
        elif result.verdict == NOT_RUN and check.state != "next":
            absent = f"{check.title}, which was not run"
        results.append(result)
        tell(result)
    return results


def _one(trial: Trial, check: Check) -> tuple[Result, str | None]:
    """Return a check's Result, and why no further check is possible, or None."""
    entries, begin = trial.entries, time.monotonic()
    trial.log.clear()

    def done(verdict: str, detail: str = "") -> Result:
        seconds = time.monotonic() - begin
        result = _result(check, verdict, detail, trial.entries - entries, seconds)
        if verdict == FAIL and trial.log:
            *before, last = trial.log
            result = result._replace(entry=last, before=tuple(before[-BEFORE:]))
        return result

    try:
        if check.state == "fresh":
            # Before the first accepted token a refusal may come of a wrong key; afterwards, or
            # after a wrong credit, the unit is wrong.
            certain, accepted = not trial.doubt, trial.accepted
            try:
                trial.fresh()
            except DeviationError as error:
                wrong = certain and (accepted or trial.accepted)
                return done(FAIL if wrong else NOT_RUN, f"{LOST}: {error}"), LOST
        _try(trial, check)
    except DeviationError as error:
        return _failed(trial, done(FAIL, str(error)))
    except BrokenError as error:
        trial.doubt = True
        return done(NOT_RUN, f"{UNFINISHED}: {error}"), UNFINISHED
    except SilentUnitError as error:
        trial.doubt = True
        return done(FAIL, str(error)), SILENT
    except LockedError as error:
        return done(NOT_RUN, f"{LOCKED}: {error}"), LOCKED
    except CollisionError as error:
        return done(NOT_RUN, f"{error} {TWICE}"), None
    except TooLateError:
        trial.doubt = True
        return done(NOT_RUN, LATE), None
    return done(PASS), None


def _failed(trial: Trial, result: Result) -> tuple[Result, str | None]:
    """Go on with the unit's present credit after a failed check."""
    trial.doubt = True
    trial.model.mistakes = trial.model.locked = 0  # the next valid token forgives them anyway
    try:
        trial.adopt()
    except BrokenError as error:  # the wrong answer may be the broken connection's
        detail = f"{UNFINISHED}: {error}; before: {result.detail}"
        return result._replace(verdict=NOT_RUN, detail=detail), UNFINISHED
    except SilentUnitError:
        return result, SILENT
    return result, None


def _try(trial: Trial, check: Check) -> None:
    for last in (False,) * (TRIES - 1) + (True,):
        try:
            check.run(trial)
            return
        except CollisionError:
            if last or check.state != "fresh":
                raise
            trial.fresh(REACH[::-1])  # past counts that a sync backwards may repeat


def _result(
    check: Check, verdict: str, detail: str = "", entries: int = 0, seconds: float = 0.0
) -> Result:
    about = " ".join((check.run.__doc__ or "").split())
    return Result(check.name, check.title, about, check.source, verdict, detail, entries, seconds)
