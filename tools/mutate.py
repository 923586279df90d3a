"""Mutation: changes one expression or statement at a time in a copy of the repository, and says which changes no test notices.

make mutate ARGS='adapters/steps.py retention/guard.py:_named'    files, with a function or lines (20-60) where not all is meant; default: the important ones
python -m tools.mutate pipeline/learn.py --most 40                 a draw of 40, the same every time

A module is tried with the tests that TESTS names for it. mutmut has one run of all tests per session (19 minutes, many with an Azurite of their own) before its
first mutant; cosmic-ray has one test command for all modules and changes the working copy in place: so this driver, which needs neither.
docs/mutation.md lists what survived and why.
"""

import argparse
import ast
import copy
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TESTS: dict[str, tuple[str, ...]] = {
    "adapters/steps.py": (
        "tests/adapters/test_guarded_writes.py",
        "tests/adapters/test_exact.py::test_late_calls_of_one_address_to_several_endpoints_are_all_in_the_ledger",
    ),
    "adapters/batches.py": (
        "tests/adapters/test_guarded_writes.py",
        "tests/adapters/test_purge.py::test_a_late_batch_goes_on_in_a_later_table_and_never_makes_a_dropped_one_again",
    ),
    "adapters/tombstones.py": (
        "tests/adapters/test_guarded_writes.py",
        "tests/adapters/test_erase.py::test_a_tombstone_is_a_hash_and_goes",
    ),
    "adapters/health.py": ("tests/adapters/test_guarded_writes.py",),
    "adapters/ledger.py": ("tests/adapters/test_ledger.py", "tests/adapters/test_guarded_writes.py"),
    "adapters/alerts.py": ("tests/web/test_alerts.py", "tests/adapters/test_campaigns.py"),
    "adapters/windows.py": ("tests/adapters/test_exact.py",),
    "adapters/inventory.py": ("tests/adapters/test_exact.py", "tests/adapters/test_nameless.py"),
    "adapters/ingest.py": ("tests/adapters/test_ingest.py",),
    "adapters/evaluate.py": ("tests/adapters/test_guarded_writes.py", "tests/adapters/test_exact.py", "tests/adapters/test_evaluate.py"),
    "retention/guard.py": ("tests/retention/test_guard.py", "tests/adapters/test_guarded_writes.py"),
    "retention/policy.py": ("tests/retention/test_policy.py", "tests/adapters/test_purge.py"),
    "retention/subject.py": ("tests/retention/test_subject.py",),
    "retention/spellings.py": ("tests/retention/test_spellings.py", "tests/retention/test_subject.py"),
    "adapters/stock.py": ("tests/adapters/test_exact.py", "tests/adapters/test_nameless.py"),
    "adapters/purge.py": ("tests/adapters/test_purge.py",),
    "pipeline/feed.py": ("tests/pipeline/test_evaluation.py",),
    "pipeline/watermark.py": ("tests/pipeline/test_watermark.py",),
    "retention": ("tests/retention",),
    "pipeline": ("tests/pipeline",),
}
"""Module or folder -> the tests that are to notice, the quick ones first."""
IMPORTANT = (
    "adapters/steps.py",
    "adapters/batches.py:_follow",
    "adapters/tombstones.py",
    "adapters/health.py:silence",
    "retention/guard.py",
)
"""What must not survive: writes of an evaluation, the chain, who is erased, silence."""
COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
COUNTED: dict[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult}


class Mutant(NamedTuple):
    """`text`: the whole file, changed."""

    file: str
    line: int
    before: str
    after: str
    text: str


def mutants(file: str, text: str) -> Iterator[Mutant]:
    """Every change of a file, in the order of its lines."""
    tree = ast.parse(text)
    starts = [0]
    for line in text.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.expr | ast.stmt) or id(node) in said:
            continue
        start, end = starts[node.lineno - 1] + node.col_offset, starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
        before = text.encode()[start:end].decode()
        for after in _changed(node):
            whole = (text.encode()[:start] + after.encode() + text.encode()[end:]).decode()
            found.append(Mutant(file, node.lineno, before, after, whole))
    yield from sorted(found, key=lambda one: (one.line, one.before, one.after))


def _changed(node: ast.AST) -> Iterator[str]:
    """The node, changed in every way, as code."""
    if isinstance(node, ast.Compare):
        for at, operator in enumerate(node.ops):
            if type(operator) in COMPARED:
                changed = copy.deepcopy(node)
                changed.ops[at] = COMPARED[type(operator)]()
                yield f"({ast.unparse(changed)})"
    elif isinstance(node, ast.BoolOp):
        yield f"({ast.unparse(ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values))})"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield f"({ast.unparse(node.operand)})"
    elif isinstance(node, ast.BinOp) and type(node.op) in COUNTED and not isinstance(node.left, ast.Constant | ast.JoinedStr):
        yield f"({ast.unparse(ast.BinOp(node.left, COUNTED[type(node.op)](), node.right))})"
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield str(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield str(node.value + 1)
    elif isinstance(node, ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp) and any(one.ifs for one in node.generators):
        changed_all = copy.deepcopy(node)
        for one in changed_all.generators:
            one.ifs = []
        yield ast.unparse(changed_all)
    elif isinstance(node, ast.IfExp):
        yield f"({ast.unparse(ast.IfExp(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse))})"
    elif (
        isinstance(node, ast.Continue | ast.Break)
        or (isinstance(node, ast.Return) and node.value is None)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Yield))
    ):
        yield "pass"


def tests_of(file: str) -> tuple[str, ...]:
    """Raises ValueError for a file that TESTS does not name."""
    found = TESTS.get(file) or TESTS.get(file.partition("/")[0])
    if found is None:
        raise ValueError(f"{file}: tools/mutate.py does not know its tests; name them in TESTS")
    return found


def chosen(wanted: Sequence[str]) -> list[Mutant]:
    """Of `path`, `path:function` or `path:first-last`, lines included. Raises ValueError or OSError."""
    found: list[Mutant] = []
    for name in wanted:
        file, _, span = name.partition(":")
        tests_of(file)
        text = (ROOT / file).read_text()
        low, high = _lines(text, span) if span else (1, 1 << 30)
        found += [one for one in mutants(file, text) if low <= one.line <= high]
    return found


def _lines(text: str, span: str) -> tuple[int, int]:
    first, _, last = span.partition("-")
    if first.isdigit():
        return int(first), int(last or first)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == span:
            return node.lineno, node.end_lineno or node.lineno
    raise ValueError(f"{span} is no function of this file, nor lines such as 20-60")


def copied(to: Path) -> None:
    """What git knows of the repository, and what is installed in it."""
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in names.splitlines():
        if (ROOT / name).is_file() and not (ROOT / name).is_symlink():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, to / name)
    (to / "node_modules").symlink_to((ROOT / "node_modules").resolve())


def passes(folder: Path, tests: Sequence[str], seconds: float) -> bool:
    """Whether the tests pass within this time; a change that makes them hang is noticed."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(command, cwd=folder, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def survivors(some: Sequence[Mutant]) -> Iterator[Mutant]:
    """Those that no test notices. Raises RuntimeError where the tests fail without any change."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copied(folder)
        usual: dict[tuple[str, ...], float] = {}
        for number, one in enumerate(some, 1):
            tests = tests_of(one.file)
            if tests not in usual:
                began = time.monotonic()
                if not passes(folder, tests, 1800):
                    raise RuntimeError(f"{' '.join(tests)} fail without any change")
                usual[tests] = time.monotonic() - began
            original = (folder / one.file).read_text()
            (folder / one.file).write_text(one.text)
            survived = all(passes(folder, [test], 60 + 5 * usual[tests]) for test in tests)
            (folder / one.file).write_text(original)
            print(f"{number}/{len(some)} {'SURVIVED' if survived else 'noticed'} {shown(one)}", flush=True)
            if survived:
                yield one


def shown(one: Mutant) -> str:
    before, after = (" ".join(text.split())[:100] for text in (one.before, one.after))
    return f"{one.file}:{one.line}: {before} -> {after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """1 where a mutant survived."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.mutate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", default=IMPORTANT, metavar="FILE[:FIRST-LAST]")
    parser.add_argument("--most", type=int, help="a draw of so many, the same every time")
    parser.add_argument("--list", action="store_true", help="print the changes and try none")
    options = parser.parse_args(arguments)
    try:
        some = chosen(options.files)
    except (OSError, ValueError) as error:
        print(f"tools.mutate: {error}", file=sys.stderr)
        return 2
    if options.most and len(some) > options.most:
        some = sorted(Random(1).sample(some, options.most), key=lambda one: (one.file, one.line))
    if options.list:
        print("\n".join(map(shown, some)))
        return 0
    left = list(survivors(some))
    print(f"{len(some)} changes, {len(left)} survived")
    for one in left:
        print(shown(one))
    return int(bool(left))


if __name__ == "__main__":
    sys.exit(main())
