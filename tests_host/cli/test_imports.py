"""Imports point one way, from the commands down to the protocol, and never in a circle."""

import ast
from graphlib import TopologicalSorter

from tools.paths import ROOT

ROOMS = (
    "batches station panel cable conformance emulator sim proofs benchmarks dev commands".split()
)
FORBIDDEN = {  # whatever begins with the one: imports nothing that begins with the others
    **dict.fromkeys(("boot", "main", "board", "firmware"), ("tools", "tests_host")),
    "opaygo": ("tools", "tests_host", "firmware", "board"),
    "tools": ("tests_host",),
    "tools.sim": [f"tools.{room}" for room in ROOMS if room != "sim"],
    **{f"tools.{room}": ("tests_host", "tools.commands") for room in ROOMS if room != "sim"},
    **dict.fromkeys(("tools.station", "tools.batches"), ("tools.commands", "tools.proofs")),
}


def modules():
    """Return {name: names that its source imports, wherever in it} of the checkout's modules."""
    found = {}
    for path in ROOT.glob("[!.]*/**/*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts).removeprefix("lib.").removesuffix(".__init__")
        found[name] = set(imported(ast.parse(path.read_text()), name, path.stem == "__init__"))
    return found | {
        n: set(imported(ast.parse((ROOT / f"{n}.py").read_text()), n)) for n in ("boot", "main")
    }


def imported(tree, name, package=False):
    """Yield the full names that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = name.split(".")[: name.count(".") + 1 - node.level + package]
            base = ".".join([*above[: 99 * node.level], *filter(None, [node.module])])
            yield from (base, *(f"{base}.{alias.name}" for alias in node.names))


def within(name, part):
    return name == part or name.startswith(part + ".")


def test_arrows_point_one_way():
    found = modules()
    assert set(ROOMS) == {path.parent.name for path in ROOT.glob("tools/*/__init__.py")}
    for low, high in ((low, part) for low, parts in FORBIDDEN.items() for part in parts):
        wrong = [(n, o) for n in found if within(n, low) for o in found[n] if within(o, high)]
        assert not wrong, f"{low} imports {high}: {wrong}"
    graph = {
        n: {o for o in others & set(found) if not within(n, o)} for n, others in found.items()
    }
    list(TopologicalSorter(graph).static_order())  # a CycleError shows the circle


def test_the_test_sees_arrows():
    tree = ast.parse("def late():\n    from tools.sim import world\nfrom . import b\nimport c.d")
    assert set(imported(tree, "x.y")) == {"tools.sim", "tools.sim.world", "x", "x.b", "c.d"}
    assert set(imported(tree, "x", True)) == {"tools.sim", "tools.sim.world", "x", "x.b", "c.d"}
