"""The report of a conformance run: for the terminal, as JSON, as JUnit XML, as a page of HTML."""

import html
import json
import runpy
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import NamedTuple
from xml.etree import ElementTree

from rich.markup import escape
from rich.table import Table

from tools.conformance.checks import PROFILES, SOURCES
from tools.conformance.run import (
    FAIL,
    FAILED,
    INTERRUPTED,
    NOT_RUN,
    NOTHING,
    PASS,
    PASSED,
    SILENT,
    STOPPED,
    UNFINISHED,
    Result,
    outcome,
)
from tools.conformance.trial import Trial
from tools.paths import ROOT

FORMAT = 1  # of the JSON report; a key that changes its meaning raises the number
WORDS = {PASS: "pass", FAIL: "FAIL", NOT_RUN: "not run"}
COLOURS = {PASS: "green", FAIL: "bold red", NOT_RUN: "yellow"}
REACHABLE = 62  # counts ahead of a unit's count from which the next token is still in reach
STYLE = """
body { font: 15px/1.4 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #ccc; padding: .4em .6em; }
th, td { text-align: left; vertical-align: top; }
td.pass { background: #dcf3dc; } td.fail { background: #f6cccc; font-weight: bold; }
td.not { background: #fdf3cf; } .detail { font-family: monospace; white-space: pre-wrap; }
.about { color: #555; }
"""


class Profile(NamedTuple):
    """The outcome of a profile's checks. `text`: the outcome in one line."""

    name: str
    outcome: str
    text: str


def profiles(results: Sequence[Result], trial: Trial, profile: str = "strict") -> list[Profile]:
    """Return the Profiles within the chosen profile, the chosen one last."""
    found = []
    for name, sources in PROFILES.items():
        some = [result for result in results if result.source in sources]
        found.append(Profile(name, outcome(some, trial), summary(some, trial)))
        if name == profile:
            break
    return found


def summary(results: Sequence[Result], trial: Trial) -> str:
    """Return the outcome in one line."""
    counts = {verdict: sum(r.verdict == verdict for r in results) for verdict in WORDS}
    begin = {
        FAILED: f"FAILED: {counts[FAIL]} of {len(results)} checks",
        NOTHING: "Nothing was checked" if not trial.accepted else "Not finished",
        STOPPED: f"Stopped; {counts[PASS]} checks passed before",
        PASSED: f"Passed: {counts[PASS]} checks",
    }[outcome(results, trial)]
    return begin + (f"; {counts[NOT_RUN]} not run" if counts[NOT_RUN] else "")


def hint(results: Sequence[Result], trial: Trial) -> str | None:
    """Return why the run was not finished, or what is likely wrong without any accepted token."""
    for result in results:
        if result.detail.startswith(f"{UNFINISHED}: "):
            return f"N{result.detail[1:]}"
    if trial.accepted or any(result.detail == INTERRUPTED for result in results):
        return None
    if not trial.answers:
        return "No check could be run: the reasons stand in the report."
    if trial.answers[0] == "LOCKED":
        return (
            "The unit's keypad is locked by earlier wrong entries. Wait until the lockout ends (up"
            " to 512 minutes; the unit's display or the answer LOCKED tells), then repeat."
        )
    if any(result.detail == SILENT for result in results):
        return "The unit stopped answering. Is the wiring good, has the unit power?"
    if "#INVALID" in trial.answers:
        return "The unit takes no tokens. Is the unit blank, without a key?"
    if "ALREADY_USED" in trial.answers:
        return "The unit calls the tokens used. Is --count too low? The unit knows its count."
    return (
        "The unit accepted no token. Is this the unit's own key and starting code? Is --count the"
        " count of its last token? The wrong tokens may have locked the keypad: wait two minutes"
        " before the next try."
    )


def about(
    trial: Trial, identified: str | None, before: int = 1, started: datetime | None = None
) -> dict[str, object]:
    """Return facts about a run, as {stable key: value}, without any key of the unit.

    before: the unit's count before the run.
    """
    limits = trial.limits
    started = started or datetime.now(timezone.utc)
    return {
        "format": FORMAT,
        "tool": "payg",
        "tool_version": runpy.run_path(str(ROOT / "firmware" / "__init__.py"))["VERSION"],
        "rules": "OpenPAYGO Token v2.3",
        "unit": trial.unit.name,
        "identified": identified,
        "date": started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "entries": trial.entries,
        "random_entries": limits.entries,
        "seed": limits.seed,
        "tolerance_s": limits.tolerance,
        "slowest_s": round(trial.slowest, 3),
        "count_before": before,
        "count": trial.rules.last if trial.accepted else before,
        "highest_count": trial.highest if trial.accepted else before,
        "count_certain": trial.accepted and not trial.doubt,
        "locked_s": round(trial.model.locked) if trial.accepted else None,  # None: unknown
    }


def count_to_keep(trial: Trial) -> int:
    """Return the count for the next run: above all tokens of this run, within the unit's reach.

    After a COUNTER_SYNC backwards the unit remembers the tokens above its count as used.
    """
    last = trial.rules.last
    return trial.highest if 0 < trial.highest - last <= REACHABLE else last


def afterwards(trial: Trial, now: datetime | None = None) -> str:
    """Return the unit's count and lockout after the run, in words."""
    if not trial.accepted:
        return "The unit's count is as before the run."
    last, kept = trial.rules.last, count_to_keep(trial)
    text = f"The unit's count {'is probably' if trial.doubt else 'is now'} {last}"
    if kept > last:
        text += f", and tokens up to count {kept} are used"
    text += f" (next time: --count {kept})."
    if trial.model.locked:
        end = (now or datetime.now()) + timedelta(seconds=trial.model.locked)
        minutes = -(-trial.model.locked // 60)
        text += f" Its keypad is locked for {minutes:.0f} min, until {end:%H:%M}."
    else:
        text += " Its keypad is not locked."
    return text


def seen(result: Result) -> list[str]:
    """Return the lines that show a failure: the entry, then the entries before it."""
    if result.entry is None:
        return []
    lines = [f"entry   {result.entry}"]
    return lines + [f"before  {entry}" for entry in reversed(result.before)]


def failures(results: Sequence[Result]) -> list[str]:
    """Return the lines that show all failures, for the terminal."""
    lines = []
    for result in results:
        if result.verdict == FAIL:
            lines += ["", f"{result.title}: {result.detail}"]
            lines += [f"  {line}" for line in seen(result)]
    return lines


def table(results: Sequence[Result]) -> Table:
    """Return the table for the terminal."""
    found = Table(
        "", "Name", "Check", "Source", "Entries", "What it proves, or what was seen", box=None
    )
    for result in results:
        word = f"[{COLOURS[result.verdict]}]{WORDS[result.verdict]}[/]"
        said = result.detail or result.about
        entries = str(result.entries or "")
        found.add_row(word, result.name, result.title, result.source, entries, escape(said))
    return found


def as_json(
    facts: Mapping[str, object], results: Sequence[Result], found: Sequence[Profile]
) -> str:
    """Return the report as JSON. found: of `profiles`, the chosen one last."""
    chosen = found[-1]
    report = {
        **facts,
        "profile": chosen.name,
        "outcome": chosen.outcome,
        "summary": chosen.text,
        "profiles": {profile.name: profile.outcome for profile in found},
        "checks": [_check(result) for result in results],
    }
    return json.dumps(report, indent=1) + "\n"


def _check(result: Result) -> dict[str, object]:
    return result._asdict() | {
        "seconds": round(result.seconds, 3),
        "entry": result.entry and result.entry._asdict(),
        "before": [entry._asdict() for entry in result.before],
    }


def as_junit(
    facts: Mapping[str, object], results: Sequence[Result], found: Sequence[Profile]
) -> str:
    """Return the report as JUnit XML, for a build server: a test case for each check."""
    suite = ElementTree.Element(
        "testsuite",
        name=f"OpenPAYGO conformance, {found[-1].name}: {facts['unit']}",
        timestamp=str(facts["date"]).rstrip("Z"),
        tests=str(len(results)),
        failures=str(sum(result.verdict == FAIL for result in results)),
        skipped=str(sum(result.verdict == NOT_RUN for result in results)),
        errors=str(int(found[-1].outcome in (NOTHING, STOPPED))),
        time=f"{sum(result.seconds for result in results):.3f}",
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in {**facts, "outcome": found[-1].outcome}.items():
        ElementTree.SubElement(properties, "property", name=name, value=str(value))
    for result in results:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=f"conform.{result.source}",
            name=result.name,
            time=f"{result.seconds:.3f}",
        )
        if result.verdict == FAIL:
            failure = ElementTree.SubElement(case, "failure", message=result.detail)
            failure.text = "\n".join(seen(result))
        elif result.verdict == NOT_RUN:
            ElementTree.SubElement(case, "skipped", message=result.detail)
    ElementTree.indent(suite)
    text: str = ElementTree.tostring(suite, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def as_html(
    facts: Mapping[str, object], results: Sequence[Result], found: Sequence[Profile]
) -> str:
    """Return the report as one page."""
    rows = "".join(_row(result) for result in results)
    known = "".join(
        f"<tr><th>{_text(name).replace('_', ' ')}</th><td>{_text(value)}</td></tr>"
        for name, value in facts.items()
    )
    outcomes = "".join(f"<p><b>{profile.name}: {_text(profile.text)}</b></p>" for profile in found)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>Conformance: {_text(facts['unit'])}</title><style>{STYLE}</style></head><body>\n"
        f"<h1>OpenPAYGO Token conformance</h1>\n{outcomes}\n"
        f"<table>{known}</table>\n<h2>Checks</h2>\n<table>\n<tr><th>Result</th><th>Check</th>"
        "<th>Source</th><th>Entries</th><th>What it proves; what was seen</th></tr>\n"
        f"{rows}</table>\n</body></html>\n"
    )


def _row(result: Result) -> str:
    said = "\n".join(filter(None, [result.detail, *seen(result)]))
    detail = f'<div class="detail">{_text(said)}</div>' if said else ""
    kind = result.verdict.split()[0]
    return (
        f'<tr><td class="{kind}">{WORDS[result.verdict]}</td><td>{_text(result.title)}</td>'
        f"<td>{_text(SOURCES[result.source])}</td>"
        f'<td>{result.entries or ""}</td><td><div class="about">{_text(result.about)}</div>'
        f"{detail}</td></tr>\n"
    )


def _text(value: object) -> str:
    return html.escape(str(value))
