"""Runs the checks that a unit allows, and keeps the results."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tools.conformance.checks import CHECKS, Check
from tools.conformance.trial import REACH, CollisionError, DeviationError, Trial
from tools.conformance.units import SilentUnitError
from tools.identity import PUBLISHED_CODE, PUBLISHED_KEY

PASS, FAIL, NOT_RUN = "pass", "fail", "not run"
TRIES = 3  # of a check that met two tokens of one code
LOST = "the unit could not be brought back to a known state"


class Result(NamedTuple):
    """The result of a check. `verdict`: PASS, FAIL or NOT_RUN; `detail`: why, or ""."""

    name: str
    title: str
    about: str
    verdict: str
    detail: str = ""
    entries: int = 0
    seconds: float = 0


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


def run(
    trial: Trial,
    checks: Sequence[Check] = CHECKS,
    tell: Callable[[Result], None] = lambda result: None,
) -> list[Result]:
    """Run the checks in order; return their Results. `tell` gets each Result at once."""
    missing = lacks(trial)
    results: list[Result] = []
    dead: str | None = None
    failed: str | None = None
    trial.adopt()
    for check in checks:
        reason = dead or next((missing[need] for need in check.needs if need in missing), None)
        failed = failed if check.state == "next" else None
        if failed:
            reason = f"it goes on from {failed}, which failed"
        if reason:
            result = _result(check, NOT_RUN, reason)
        else:
            result, dead = _one(trial, check)
        failed = check.title if result.verdict == FAIL else failed
        results.append(result)
        tell(result)
    return results


def _one(trial: Trial, check: Check) -> tuple[Result, str | None]:
    """Return a check's Result, and why no further check is possible, or None."""
    entries, begin = trial.entries, time.monotonic()

    def done(verdict: str, detail: str = "") -> Result:
        seconds = time.monotonic() - begin
        return _result(check, verdict, detail, trial.entries - entries, seconds)

    try:
        if check.state == "fresh":
            trial.fresh()
    except DeviationError as error:
        return done(NOT_RUN, f"{LOST}: {error}"), LOST
    except SilentUnitError as error:
        return done(FAIL, str(error)), "the unit answers no more"
    try:
        _try(trial, check)
    except DeviationError as error:
        return _failed(trial, done(FAIL, str(error)))
    except SilentUnitError as error:
        return done(FAIL, str(error)), "the unit answers no more"
    return done(PASS), None


def _failed(trial: Trial, result: Result) -> tuple[Result, str | None]:
    """Go on with the unit's present credit after a failed check."""
    trial.doubt = True
    trial.model.mistakes = trial.model.locked = 0  # the next valid token forgives them anyway
    try:
        trial.adopt()
    except SilentUnitError:
        return result, "the unit answers no more"
    return result, None


def _try(trial: Trial, check: Check) -> None:
    for last in (False,) * (TRIES - 1) + (True,):
        try:
            check.run(trial)
            return
        except CollisionError as error:
            if last or check.state != "fresh":
                raise DeviationError(f"{error} is the token of two counts; repeat") from error
            trial.fresh(REACH[::-1])  # past counts that a sync backwards may repeat


def _result(
    check: Check, verdict: str, detail: str = "", entries: int = 0, seconds: float = 0.0
) -> Result:
    about = " ".join((check.run.__doc__ or "").split())
    return Result(check.name, check.title, about, verdict, detail, entries, seconds)
