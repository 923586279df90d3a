"""The direction of dependencies: what is pure imports nothing that is not."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PURE = ("classifiers", "detectors", "pipeline", "posture", "retention", "stats")
MAY_IMPORT = {
    "stats": {"stats"},
    "detectors": {"detectors", "model", "stats", "pipeline"},
    "classifiers": {"classifiers"},
    "posture": {"posture", "model", "stats"},
    "retention": {"retention", "model", "pipeline"},
    "pipeline": {"pipeline", "detectors", "classifiers", "posture", "model", "stats"},
}
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
FILES = [path for folder in PURE for path in sorted((ROOT / folder).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return modules | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_do_not_turn_back(path: Path) -> None:
    modules = imported(path)
    tops = {module.split(".")[0] for module in modules}
    assert not {module for module in modules if module in IMPURE or module.split(".")[0] in IMPURE}
    assert tops & OURS <= MAY_IMPORT[path.relative_to(ROOT).parts[0]]


def test_only_adapters_and_the_app_import_azure() -> None:
    allowed = {"adapters", "local", "tools", "bench", "tests", "function_app.py", "triggers"}
    for path in ROOT.rglob("*.py"):
        top = path.relative_to(ROOT).parts[0]
        if top not in allowed and not top.startswith(".") and top != "node_modules":
            assert "azure" not in {module.split(".")[0] for module in imported(path)}, path


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
