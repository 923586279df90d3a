"""One Bicep compiler and its snapshots, and one compiled gateway, for every test of the infrastructure."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.infra.bicep_compiler import VARIANTS, Bicep, Resource, find
from tests.infra.gateway_harness import harness
from tests.infra.gateway_harness.harness import Gateway, Program


@pytest.fixture(scope="session")
def bicep(tmp_path_factory: pytest.TempPathFactory) -> Bicep:
    found = find()
    if found is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("no Bicep compiler on the PATH or in BICEP, and CI must have one")
        pytest.skip("no Bicep compiler on the PATH or in BICEP")
    return Bicep(Path(found), tmp_path_factory.mktemp("bicep"))


@pytest.fixture(scope="session")
def template(bicep: Bicep) -> dict[str, Any]:
    done = bicep.run("build", "main.bicep", "--stdout")
    assert done.returncode == 0, done.stderr
    compiled: dict[str, Any] = json.loads(done.stdout)
    return compiled


@pytest.fixture(scope="session")
def variants(bicep: Bicep) -> dict[str, list[Resource]]:
    return {name: bicep.resources(**variables) for name, variables in VARIANTS.items()}


@pytest.fixture(params=sorted(VARIANTS))
def resources(request: pytest.FixtureRequest, variants: dict[str, list[Resource]]) -> list[Resource]:
    return variants[request.param]


@pytest.fixture(scope="session")
def toolchain() -> None:
    missing = harness.missing_tools()
    if missing and os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"CI must execute the policy; {missing}")
    if missing:
        pytest.skip(missing)


@pytest.fixture(scope="session")
def program() -> Program:
    return harness.load()


@pytest.fixture(scope="session")
def executable(toolchain: None, program: Program, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return harness.build(tmp_path_factory.mktemp("gateway"), program)


@pytest.fixture(scope="session")
def gateway(executable: Path, program: Program) -> Iterator[Gateway]:
    running = Gateway(executable, program)
    yield running
    running.close()
