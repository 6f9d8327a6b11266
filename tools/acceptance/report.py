"""The report of `payg board test`, as JSON and as a page of HTML. No key is in it."""

import html
import json
import platform
import runpy
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from tools.acceptance.run import FAILED, NOT_DONE, PASSED, Step
from tools.paths import ROOT

NOT_WHOLE = "passed by cable, hands not done"
FORMAT = 1  # of the JSON; a key that changes its meaning raises the number
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Board test: {outcome}</title><style>
body {{ font: 15px/1.4 sans-serif; max-width: 56em; margin: 2em auto; padding: 0 1em; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ border-bottom: 1px solid #ccc; padding: .3em .6em; text-align: left; }}
.FAILED {{ background: #f6cccc; font-weight: bold; }} .passed {{ background: #dcf3dc; }}
</style></head><body><h1>Board test: {outcome}</h1><p>{about}</p>
<table><tr><th>Step<th>Outcome<th>Seen<th>Figures</tr>
{rows}
</table></body></html>
"""


def outcome(steps: Sequence[Step]) -> str:
    """Return the outcome of a run in a word or two."""
    if any(step.outcome == FAILED for step in steps):
        return FAILED
    return NOT_WHOLE if any(step.outcome == NOT_DONE for step in steps) else PASSED


def as_json(steps: Sequence[Step], begun: datetime) -> str:
    """Return the report as JSON: format, outcome, begun (UTC), tool, host, steps."""
    answer: dict[str, Any] = {"format": FORMAT, "outcome": outcome(steps)}
    answer["begun"] = begun.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    answer["firmware"] = runpy.run_path(str(ROOT / "firmware" / "__init__.py"))["VERSION"]
    answer["host"] = f"{platform.system()}, Python {platform.python_version()}"
    answer["steps"] = [step._asdict() for step in steps]
    return json.dumps(answer, indent=2) + "\n"


def as_html(steps: Sequence[Step], begun: datetime) -> str:
    """Return the report as a page."""
    answer = json.loads(as_json(steps, begun))
    about = f"{answer['begun']}, firmware {answer['firmware']}, {answer['host']}"
    rows = "\n".join(
        f'<tr class="{step.outcome}"><td>{html.escape(step.name)}<td>{step.outcome}'
        f"<td>{html.escape(step.text)}<td>{html.escape(_figures(step))}</tr>"
        for step in steps
    )
    return PAGE.format(outcome=answer["outcome"], about=html.escape(about), rows=rows)


def _figures(step: Step) -> str:
    return ", ".join(f"{name} {_number(number)}" for name, number in step.figures.items())


def _number(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
