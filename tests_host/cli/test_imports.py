"""Imports point one way, from the commands down to the protocol, and never in a circle."""

import ast
from graphlib import TopologicalSorter

from tools.paths import ROOT

ROOMS = (
    "batches station acceptance panel cable conformance emulator sim proofs benchmarks dev"
    " commands".split()
)
OURS = ("tests_host", "tools.proofs", "tools.benchmarks", "tools.dev")  # serve only developers
PRODUCT = "batches station acceptance panel cable conformance emulator commands".split()
FORBIDDEN = {  # whatever begins with the one: imports nothing that begins with the others
    **dict.fromkeys(("boot", "main", "board", "firmware"), ("tools", "tests_host")),
    "opaygo": ("tools", "tests_host", "firmware", "board"),
    "tools": ("tests_host",),
    "tools.sim": [f"tools.{room}" for room in ROOMS if room != "sim"],
    **{f"tools.{room}": ("tests_host", "tools.commands") for room in ROOMS if room != "sim"},
    **{f"tools.{room}": (*OURS, "tools.commands") for room in PRODUCT},
    **{f"tools.{path.stem}": (*OURS, "tools.commands") for path in ROOT.glob("tools/[a-z]*.py")},
}
BY_NAME = {  # the modules that may import by a computed name
    *(
        "tools.proofs.stepper",
        "board",
        "firmware.texts",
        "tools.cli",
        "tools.benchmarks.__main__",
        "tools.sim.options",
    ),
}
IMPORTERS = ("__import__", "import_module")


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
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(IMPORTERS):
            yield "a computed name"
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
    computed = {n for n in found if "a computed name" in found[n] and not within(n, "tests_host")}
    assert computed == BY_NAME
    graph = {
        n: {o for o in others & set(found) if not within(n, o)} for n, others in found.items()
    }
    list(TopologicalSorter(graph).static_order())  # a CycleError shows the circle


def test_the_test_sees_arrows():
    tree = ast.parse("def late():\n    from tools.sim import world\nfrom . import b\nimport c.d")
    assert set(imported(tree, "x.y")) == {"tools.sim", "tools.sim.world", "x", "x.b", "c.d"}
    assert set(imported(tree, "x", True)) == {"tools.sim", "tools.sim.world", "x", "x.b", "c.d"}
