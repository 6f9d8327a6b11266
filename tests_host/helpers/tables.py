"""Tables of the pages in docs/, for tests that hold a page against the code."""

import re

from tools.paths import ROOT


def table(page, heading=None):
    """Return the cells of each row, header aside, of all tables of a page or of one section."""
    text = (ROOT / "docs" / page).read_text()
    if heading:
        text = re.split(r"\n## ", text.partition(f"\n## {heading}\n")[2])[0]
    lines = text.splitlines()
    found = []
    for line, following in zip(lines, [*lines[1:], ""]):
        ruled = line.startswith("|---") or following.startswith("|---")
        if line.startswith("|") and not ruled:
            found.append([cell.strip() for cell in line.split("|")[1:-1]])
    return found


def quoted(cell):
    """Return the texts between backticks."""
    return re.findall(r"`([^`]+)`", cell)
