"""Compiles every expression of the gateway's policy fragments with a real C# compiler and runs the fragments over described calls."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posture.policy_text import Element, Expression, parse

HERE = Path(__file__).parent
GATEWAY = HERE.parents[2] / "infra" / "gateway"
NEWTONSOFT = (
    Path("/usr/lib/cli/Newtonsoft.Json-5.0/Newtonsoft.Json.dll"),
    Path("/usr/lib/mono/gac/Newtonsoft.Json/6.0.0.0__b9a188c8922137c6/Newtonsoft.Json.dll"),
)
PACKAGES = "mono-mcs mono-runtime libnewtonsoft-json5.0-cil"

# What Microsoft's own samples use by short name. Everything else the fragments must write out.
USINGS = ("System", "System.Collections.Generic", "System.Text", "System.Text.RegularExpressions", "Newtonsoft.Json.Linq")

_NAMED_VALUE = re.compile(r"\{\{([^{}]*)\}\}")
_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')

Json = dict[str, Any]


def missing_tools() -> str | None:
    """What of the C# toolchain is not installed, in words; None if all is there."""
    absent = [name for name in ("mcs", "mono") if shutil.which(name) is None]
    if not any(path.exists() for path in NEWTONSOFT):
        absent.append("Newtonsoft.Json.dll")
    return f"missing: {', '.join(absent)} (Debian packages {PACKAGES})" if absent else None


@dataclass(frozen=True)
class Program:
    """The fragments as trees that the C# harness walks, and the C# of their expressions, by id."""

    trees: dict[str, list[Json]]
    expressions: dict[str, Expression]


def load(directory: Path = GATEWAY) -> Program:
    """Read the fragments and on-error-global.xml. Raises ValueError for an element that the harness does not know."""
    expressions: dict[str, Expression] = {}
    trees: dict[str, list[Json]] = {}
    for name in ("capture", "guard", "guard-consumption", "emit", "on-error-global"):
        root = parse((directory / f"{name}.xml").read_text(encoding="utf-8"))
        assert root.tag == ("fragment" if name != "on-error-global" else "on-error")
        trees[name] = _nodes(root.children, name, expressions, trees)
    return Program(trees, expressions)


def _id(expression: Expression, where: str, expressions: dict[str, Expression]) -> str:
    name = f"E{len(expressions)}_{re.sub('[^a-z]', '_', where)}"
    expressions[name] = expression
    return name


def _nodes(elements: Sequence[Element], where: str, expressions: dict[str, Expression], trees: Mapping[str, list[Json]]) -> list[Json]:
    nodes: list[Json] = []
    for element in elements:
        match element.tag:
            case "choose":
                branches: list[Json] = []
                for child in element.children:
                    branch: Json = {}
                    if child.tag == "when":
                        branch["expression"] = _id(child.attribute_expressions["condition"], where + "_when", expressions)
                    elif child.tag != "otherwise":
                        raise ValueError(f"<{child.tag}> in <choose>")
                    branch["nodes"] = _nodes(child.children, where, expressions, trees)
                    branches.append(branch)
                nodes.append({"kind": "choose", "branches": branches})
            case "set-variable":
                name = element.attributes["name"]
                expression = _id(element.attribute_expressions["value"], f"{where}_{name}", expressions)
                nodes.append({"kind": "set", "name": name, "expression": expression})
            case "log-to-eventhub":
                assert element.attributes == {"logger-id": "gatewatch"}
                assert element.text_expression is not None
                nodes.append({"kind": "log", "expression": _id(element.text_expression, where + "_log", expressions)})
            case "check-header":
                assert set(element.attributes) == {"id", "name", "failed-check-httpcode", "failed-check-error-message", "ignore-case"}
                (child,) = element.children
                assert child.text_expression is not None
                value = _id(child.text_expression, where + "_never", expressions)
                status = int(element.attributes["failed-check-httpcode"])
                nodes.append(
                    {
                        "kind": "check-header",
                        "id": element.attributes["id"],
                        "name": element.attributes["name"],
                        "status": status,
                        "value": value,
                    }
                )
            case "rate-limit-by-key":
                calls = _id(element.attribute_expressions["calls"], where + "_calls", expressions)
                key = _id(element.attribute_expressions["counter-key"], where + "_key", expressions)
                seconds = int(element.attributes["renewal-period"])
                nodes.append({"kind": "rate-limit-by-key", "id": element.attributes["id"], "calls": calls, "key": key, "seconds": seconds})
            case "include-fragment":
                nodes += trees[element.attributes["fragment-id"].removeprefix("gatewatch-")]
            case "base":
                pass
            case _:
                raise ValueError(f"<{element.tag}> is not known to the harness")
    return nodes


def _late_bound(code: str) -> str:
    """String literals with `{{name}}` become look-ups, so that one build serves every configuration."""

    def literal(match: re.Match[str]) -> str:
        if "{{" not in match[1]:
            return match[0]
        parts = _NAMED_VALUE.split(match[1])
        pieces = [f'Named.Value("{part}")' if index % 2 else f'"{part}"' for index, part in enumerate(parts)]
        return "(" + " + ".join(pieces) + ")"

    return _LITERAL.sub(literal, code)


def source(program: Program, named: Mapping[str, str] | None = None, *, one_line: bool = False) -> str:
    """Expressions.cs: a method for each expression.

    named: put these values in the place of `{{name}}`, as the gateway does; None: look them up at run time.
    one_line: every line break a space, as an XML parser leaves an attribute.
    """
    methods = []
    for name, expression in program.expressions.items():
        code = expression.code if one_line is False else " ".join(expression.code.splitlines())
        code = _late_bound(code) if named is None else _NAMED_VALUE.sub(lambda match: named[match[1]], code)
        body = code if expression.is_block else f"return ({code});"
        methods.append(f"    public static object {name}(ProxyContext context)\n    {{\n{body}\n    }}\n")
    usings = "".join(f"using {name};\n" for name in USINGS)
    return usings + "public static class Expressions\n{\n" + "\n".join(methods) + "}\n"


def build(target: Path, program: Program, named: Mapping[str, str] | None = None, *, one_line: bool = False) -> Path:
    """Compile the harness into `target`; the path of the executable. Raises RuntimeError with the compiler's words."""
    target.mkdir(parents=True, exist_ok=True)
    generated = target / "Expressions.cs"
    generated.write_text(source(program, named, one_line=one_line), encoding="utf-8")
    executable = target / "harness.exe"
    newtonsoft = next(path for path in NEWTONSOFT if path.exists())
    command = ["mcs", "-langversion:7", "-optimize+", f"-r:{newtonsoft}", f"-out:{executable}"]
    command += [str(HERE / "Context.cs"), str(HERE / "Program.cs"), str(generated)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"mcs refused the expressions:\n{done.stdout}{done.stderr}")
    shutil.copy(newtonsoft, target)
    return executable


def members_used(executable: Path) -> list[tuple[str, str]]:
    """(type, member) of everything in the compiled expressions that is not of the harness itself; member is "" for a bare type."""
    done = subprocess.run(["mono", str(executable), "types"], capture_output=True, text=True, check=True)
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in done.stdout.splitlines()]


@dataclass(frozen=True)
class Outcome:
    """What a call left: the events as sent, expressions that threw, bodies that were buffered, the variables."""

    events: list[bytes]
    errors: list[str]
    reads: list[str]
    variables: dict[str, str | None]
    fault: str = ""
    limits: list[tuple[str, int, int]] = field(default_factory=list)
    """(counter key, calls, seconds) of every rate limit that was asked."""


def _outcome(answer: Json) -> Outcome:
    events = [base64.b64decode(event) for event in answer["events"]]
    return Outcome(
        events,
        answer["errors"],
        answer["reads"],
        answer["variables"],
        answer.get("fault", ""),
        [tuple(limit) for limit in answer["limits"]],
    )


class Gateway:
    """A running harness, in a time zone."""

    def __init__(self, executable: Path, program: Program, zone: str = "UTC") -> None:
        environment = os.environ | {"TZ": zone}
        self._process = subprocess.Popen(["mono", str(executable)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        self._send(program.trees)

    def _send(self, value: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(value).encode() + b"\n")
        self._process.stdin.flush()

    def _ask(self, call: Json) -> Json:
        self._send(call)
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the harness ended with {self._process.wait()}")
        result: Json = json.loads(answer)
        return result

    def run(
        self,
        context: Json,
        steps: Sequence[str | Json],
        named: Mapping[str, str],
        on_error: Sequence[str | Json] = (),
        used: Mapping[str, int] | None = None,
    ) -> Outcome:
        """One call: its context, then fragments by name and changes that other policies make, in order; `on_error` runs instead of the rest once a policy ends
        the section. `used`: the calls that rate limits have counted already, by counter key."""
        call = {"context": context, "steps": list(steps), "named": dict(named), "onError": list(on_error), "used": dict(used or {})}
        return _outcome(self._ask(call))

    def measure(self, expression: str, context: Json, named: Mapping[str, str], times: int) -> float:
        """Nanoseconds an evaluation of one expression."""
        return float(self._ask({"measure": expression, "context": context, "named": dict(named), "times": times})["nanoseconds"])

    def run_with_faults(
        self, context: Json, steps: Sequence[str | Json], named: Mapping[str, str], on_error: Sequence[str | Json] = ()
    ) -> tuple[list[str], list[Outcome]]:
        """The same call once for each context member, and for each single access, that throws or is null; and the members touched."""
        answer = self._ask({"context": context, "steps": list(steps), "named": dict(named), "onError": list(on_error), "faults": "each"})
        return answer["members"], [_outcome(run) for run in answer["runs"]]

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()
