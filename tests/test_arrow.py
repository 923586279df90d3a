"""The direction of dependencies: folders and files import one way only, and what is pure imports nothing that is not."""

import ast
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PURE = ("stats", "classifiers", "intel", "attacks", "windows", "detectors", "alerts", "posture", "response", "retention", "pipeline")
ROOMS = (*PURE, "adapters", "web", "triggers", "local", "tools", "bench")
IMPURE = {
    "azure",
    "asyncio",
    "http",
    "logging",
    "os",
    "pathlib",
    "random",
    "requests",
    "secrets",
    "socket",
    "subprocess",
    "time",
    "urllib.request",
}
OURS = {path.name for path in ROOT.iterdir() if path.is_dir()} | {path.stem for path in ROOT.glob("*.py")}
FILES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))] + sorted(ROOT.glob("*.py"))
PURE_FILES = [path for path in FILES if path.relative_to(ROOT).parts[0] in PURE]


def name_of(path: Path) -> str:
    """The dotted name by which a file is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_named(path: Path) -> set[str]:
    """The dotted names of its import statements, as they are written."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    named = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return named | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


def imported(path: Path) -> set[str]:
    """The dotted names that a file imports, anywhere in it: `from windows import tally` counts as windows.tally where that is a file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names} & MODULES
            names.update(inner)
            if len(inner) < len(node.names):
                names.add(node.module)
    return names


MODULES = {name_of(path) for path in FILES}
IMPORTS = {name_of(path): imported(path) & MODULES for path in FILES}


def loop_in(arrows: Mapping[str, Iterable[str]]) -> list[str]:
    """Some loop of a graph as its names in order, the first again at the end; empty where there is none."""
    done: set[str] = set()

    def walk(name: str, trail: list[str]) -> list[str]:
        if name in trail:
            return [*trail[trail.index(name) :], name]
        if name in done:
            return []
        for following in sorted(arrows.get(name, ())):
            if found := walk(following, [*trail, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(arrows) if (found := walk(name, []))), [])


def room_of(module: str) -> str:
    return module.split(".")[0]


def test_no_file_imports_itself_by_way_of_others() -> None:
    found = loop_in({name: imports - {name} for name, imports in IMPORTS.items()})
    assert not found, f"a loop of files: {' -> '.join(found)}: move what the last takes from the first into a file of its own"


def test_no_room_imports_itself_by_way_of_others() -> None:
    arrows: dict[str, set[str]] = {}
    culprits: dict[tuple[str, str], list[str]] = {}
    for name, imports in IMPORTS.items():
        for other in imports:
            if room_of(other) != room_of(name):
                arrows.setdefault(room_of(name), set()).add(room_of(other))
                culprits.setdefault((room_of(name), room_of(other)), []).append(f"{name} imports {other}")
    found = loop_in(arrows)
    rarest = min((culprits[pair] for pair in pairwise(found)), key=len, default=[])
    assert not found, f"a loop of rooms: {' -> '.join(found)}: move {'; '.join(rarest)}"


def test_a_loop_is_found_and_named() -> None:
    assert loop_in({"a": ["b"], "b": ["c"], "c": ["b"]}) == ["b", "c", "b"]
    assert loop_in({"a": ["b", "c"], "b": ["c"], "c": []}) == []


@pytest.mark.parametrize("path", PURE_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_pure_imports_nothing_that_is_not(path: Path) -> None:
    modules = modules_named(path)
    assert not {module for module in modules if module in IMPURE or room_of(module) in IMPURE}
    assert {room_of(module) for module in modules} & OURS <= {*PURE, "model"}


def test_only_adapters_and_the_app_import_azure() -> None:
    allowed = {"adapters", "local", "tools", "bench", "tests", "function_app.py", "triggers"}
    for path in ROOT.rglob("*.py"):
        top = path.relative_to(ROOT).parts[0]
        if top not in allowed and not top.startswith(".") and top != "node_modules":
            assert "azure" not in {room_of(name) for name in modules_named(path)}, path


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md"])
def test_every_room_is_on_the_map(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    rooms = {path.parent.relative_to(ROOT).parts[0] for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert not {room for room in rooms if f"`{room}/`" not in text}, f"name the room in {page}"


def rows() -> list[tuple[list[str], list[str]]]:
    """The table of docs/architecture.md, from above: the rooms of a row, and what it says that they import."""
    _, _, table = (ROOT / "docs" / "architecture.md").read_text("utf-8").partition("| room | is | imports |\n|---|---|---|\n")
    cells = [line.strip("|").split("|") for line in table.partition("\n\n")[0].splitlines()]
    return [
        ([name.strip(" `/").removesuffix(".py") for name in room.split(",")], imports.strip().split(", ")) for room, _, imports in cells
    ]


def test_rooms_import_what_the_architecture_says_and_downwards() -> None:
    order = [room for rooms, _ in rows() for room in rooms]
    for rooms, said in rows():
        below = set(order[order.index(rooms[-1]) + 1 :])
        really = {room_of(other) for name, imports in IMPORTS.items() if room_of(name) in rooms for other in imports} - {*rooms, "model"}
        named = {"all below": below, "the pure rooms": set(PURE), "–": set[str]()}
        allowed = set[str]().union(*(named.get(name, {name}) for name in said))
        assert really <= allowed & below, f"{', '.join(rooms)}: {', '.join(sorted(really - (allowed & below)))}"
        assert {name for name in said if name not in named} <= really, f"{', '.join(rooms)} imports less than the page says"


def test_no_root_name_hides_a_package() -> None:
    taken = {
        "types",
        "queue",
        "statistics",
        "logging",
        "email",
        "azure",
        "google",
        "grpc",
        "dateutil",
        "opentelemetry",
        "azure_functions_worker",
    }
    assert not taken & OURS
