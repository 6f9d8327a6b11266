"""The report of a conformance run: for the terminal, as JSON, and as one page of HTML."""

import html
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

from rich.table import Table

from tools.conformance.run import FAIL, NOT_RUN, PASS, Result
from tools.conformance.trial import Trial

WORDS = {PASS: "pass", FAIL: "FAIL", NOT_RUN: "not run"}
COLOURS = {PASS: "green", FAIL: "bold red", NOT_RUN: "yellow"}
STYLE = """
body { font: 15px/1.4 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #ccc; padding: .4em .6em; }
th, td { text-align: left; vertical-align: top; }
td.pass { background: #dcf3dc; } td.fail { background: #f6cccc; font-weight: bold; }
td.not { background: #fdf3cf; } .detail { font-family: monospace; } .about { color: #555; }
"""


def summary(results: Sequence[Result]) -> str:
    """Return the outcome in one line."""
    counts = {verdict: sum(r.verdict == verdict for r in results) for verdict in WORDS}
    if counts[FAIL]:
        begin = f"FAILED: {counts[FAIL]} of {len(results)} checks"
    elif not counts[PASS]:
        begin = "Nothing was checked"
    else:
        begin = f"Passed: {counts[PASS]} checks"
    return begin + (f"; {counts[NOT_RUN]} not run" if counts[NOT_RUN] else "")


def about(
    trial: Trial, identified: str | None, started: datetime | None = None
) -> dict[str, object]:
    """Return facts about a run, as {name: value}, without any key."""
    limits = trial.limits
    started = started or datetime.now(timezone.utc)
    return {
        "unit": trial.unit.name,
        "it says of itself": identified or "nothing",
        "date": started.strftime("%Y-%m-%d %H:%M UTC"),
        "rules": "OpenPAYGO Token v2.3",
        "entries": trial.entries,
        "random entries": limits.entries,
        "seed": limits.seed,
        "tolerance": f"{limits.tolerance:g} s between the unit's seconds and the model's",
        "slowest token": f"{trial.slowest:.2f} s",
    }


def table(results: Sequence[Result]) -> Table:
    """Return the table for the terminal."""
    found = Table("", "Check", "Entries", "What it proves, or what was seen", box=None)
    for result in results:
        word = f"[{COLOURS[result.verdict]}]{WORDS[result.verdict]}[/]"
        said = result.detail or result.about
        found.add_row(word, result.title, str(result.entries or ""), said)
    return found


def as_json(facts: Mapping[str, object], results: Sequence[Result]) -> str:
    """Return the report as JSON."""
    checks = [result._asdict() | {"seconds": round(result.seconds, 3)} for result in results]
    return json.dumps({**facts, "outcome": summary(results), "checks": checks}, indent=1) + "\n"


def as_html(facts: Mapping[str, object], results: Sequence[Result]) -> str:
    """Return the report as one page."""
    rows = "".join(_row(result) for result in results)
    known = "".join(f"<tr><th>{_text(n)}</th><td>{_text(v)}</td></tr>" for n, v in facts.items())
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>Conformance: {_text(facts['unit'])}</title><style>{STYLE}</style></head><body>\n"
        f"<h1>OpenPAYGO Token conformance</h1>\n<p><b>{_text(summary(results))}</b></p>\n"
        f"<table>{known}</table>\n<h2>Checks</h2>\n<table>\n<tr><th>Result</th><th>Check</th>"
        f"<th>Entries</th><th>What it proves; what was seen</th></tr>\n{rows}</table>\n"
        "</body></html>\n"
    )


def _row(result: Result) -> str:
    detail = f'<div class="detail">{_text(result.detail)}</div>' if result.detail else ""
    kind = result.verdict.split()[0]
    return (
        f'<tr><td class="{kind}">{WORDS[result.verdict]}</td><td>{_text(result.title)}</td>'
        f'<td>{result.entries or ""}</td><td><div class="about">{_text(result.about)}</div>'
        f"{detail}</td></tr>\n"
    )


def _text(value: object) -> str:
    return html.escape(str(value))
