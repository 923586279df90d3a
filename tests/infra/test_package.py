"""What is deployed: the files that .funcignore leaves, whether the app loads from them alone, and what azure-functions-doctor says."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pathspec
import pytest

from tests.infra.bicep_compiler import ROOT, Resource, app_settings, of_type, one

pytestmark = pytest.mark.xdist_group("bicep")

KNOWN_WARNINGS = {
    "check_native_dependency_risk": "msgspec and numpy are native: azd deploys with a remote build, on the platform's own Linux",
    "check_app_insights": "it looks at this machine's environment; the deployment sets the connection string (test_bicep.py)",
}
"""What azure-functions-doctor may warn of, and why that is no fault."""


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository as the deployment takes it."""
    target = tmp_path_factory.mktemp("package")
    ignored = pathspec.GitIgnoreSpec.from_lines((ROOT / ".funcignore").read_text(encoding="utf-8").splitlines())
    for entry in sorted(ROOT.iterdir()):
        if ignored.match_file(entry.name) or ignored.match_file(entry.name + "/"):
            continue
        for file in [entry] if entry.is_file() else sorted(path for path in entry.rglob("*") if path.is_file()):
            name = file.relative_to(ROOT)
            if "__pycache__" in name.parts or ignored.match_file(str(name)):
                continue
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target / name)
    return target


def test_nothing_else_goes_along(package: Path) -> None:
    entries = {entry.name for entry in package.iterdir()}
    assert {"function_app.py", "host.json", "requirements.txt", "settings.py", "adapters", "pipeline"} <= entries
    assert not {"tests", "infra", "docs", "local", "tools", "bench", "node_modules", ".venv", ".git", "azure.yaml"} & entries
    assert not [entry for entry in entries if entry.startswith("local.settings")]
    assert sum(file.stat().st_size for file in package.rglob("*") if file.is_file()) < 20_000_000


def test_every_module_that_the_app_imports_goes_along(package: Path) -> None:
    """Late imports too: they would fail only when their trigger fires."""
    own = {path.stem for path in ROOT.glob("*.py")} | {path.name for path in ROOT.iterdir() if any(path.glob("*.py"))}
    missing = set()
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for name in names:
                path = package / name.replace(".", "/")
                if name.split(".")[0] in own and not path.is_dir() and not path.with_suffix(".py").is_file():
                    missing.add(f"{file.relative_to(package)} imports {name}")
    assert missing == set()


def test_the_app_loads_from_the_package_with_the_settings_of_the_deployment(package: Path, variants: dict[str, list[Resource]]) -> None:
    """No emulator, no connection string, no network: importing and indexing need none."""
    code = "import function_app; print(sorted(it.get_function_name() for it in function_app.app.get_functions()))"
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONDONTWRITEBYTECODE": "1"} | app_settings(variants["public"])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=package, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    names = ast.literal_eval(done.stdout)
    assert {"ingest", "evaluate", "baseline", "alerts", "health"} <= set(names)
    warm = one(variants["public"], "Microsoft.Web/sites")["properties"]["functionAppConfig"]["scaleAndConcurrency"]["alwaysReady"]
    assert {entry["name"].removeprefix("function:") for entry in warm if ":" in entry["name"]} <= set(names)


def test_azure_functions_doctor_has_nothing_to_say(package: Path, variants: dict[str, list[Resource]]) -> None:
    """It reads ARM, not Bicep: it gets the resolved resources, with the settings where it looks for them."""
    program = Path(sys.executable).with_name("azure-functions-doctor")
    if not program.exists():
        assert os.environ.get("CI", "").lower() != "true", "azure-functions-doctor is not installed, and CI must have it"
        pytest.skip("azure-functions-doctor is not installed")
    resources = of_type(variants["public"], "Microsoft.Web/serverfarms") + of_type(variants["public"], "Microsoft.Web/sites")
    site: dict[str, Any] = json.loads(json.dumps(resources[1]))
    site["properties"]["siteConfig"]["appSettings"] = [
        {"name": name, "value": value} for name, value in app_settings(variants["public"]).items()
    ]
    for name in (".funcignore", ".gitignore"):
        shutil.copyfile(ROOT / name, package / name)
    (package / "infra").mkdir(exist_ok=True)
    (package / "infra" / "main.json").write_text(json.dumps({"resources": [resources[0], site]}), encoding="utf-8")
    try:
        done = subprocess.run(
            [str(program), "doctor", "--path", str(package), "--profile", "deploy", "--format", "json"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        shutil.rmtree(package / "infra")
        for name in (".funcignore", ".gitignore"):
            (package / name).unlink()
    assert done.returncode == 0, done.stdout + done.stderr
    items = [item for section in json.loads(done.stdout)["results"] for item in section["items"]]
    said = {item["rule_id"]: item["status"] for item in items}
    assert {rule for rule, status in said.items() if status == "fail"} == set()
    assert {rule for rule, status in said.items() if status == "warn"} <= set(KNOWN_WARNINGS)
    for rule in ("check_flex_runtime_config", "check_flex_deprecated_settings", "check_flex_deployment_storage"):
        assert said.get(rule) == "pass", (rule, sorted(said))
