"""The page as it is sent: what may be cached and for how long, what a browser lets it do, and that it is made of what npm has."""

import gzip
import re
from pathlib import Path

import pytest

from tools.vendor import ROOT, TARGET, vendored
from web.page import HEADERS, assets, serve, version

LARGEST_FIRST_VIEW = 60_000
"""Bytes on the wire, packed."""


def test_what_is_vendored_is_what_npm_has_byte_for_byte() -> None:
    if not (ROOT / "node_modules" / "preact").is_dir():
        pytest.fail("node_modules has no preact: run make setup")
    wanted = vendored(ROOT / "node_modules")
    assert {file.name: file.read_bytes() for file in TARGET.iterdir()} == wanted
    assert not [name for name, code in wanted.items() if name.endswith(".mjs") and re.search(rb'(?:from|import)\s*["\'](?!\./)', code)]


@pytest.mark.parametrize("path", ["", "alerts", "alerts/0123", "no/such/view", "../../settings.py", "v000000000000", "static/../page.py"])
def test_whatever_is_no_file_is_the_page_which_is_asked_for_anew(path: str) -> None:
    status, body, headers = serve(path, "", "gzip, br")
    assert (status, headers["Cache-Control"], headers["Content-Type"], headers["Content-Encoding"]) == (
        200,
        "no-cache",
        "text/html",
        "gzip",
    )
    text = gzip.decompress(body).decode()
    assert f"/ui/{version()}/app.js" in text
    assert HEADERS.items() <= headers.items()
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in headers["Content-Security-Policy"]
    assert serve(path, headers["ETag"], "")[:2] == (304, b"")
    assert serve(path, f'"other", W/{headers["ETag"]}', "")[0] == 304
    assert not re.search(r"<script(?![^>]* src=)|\sstyle=|\son\w+=", text)


def test_files_are_kept_for_ever_under_a_version_that_changes_with_them() -> None:
    for name, asset in assets().items():
        status, body, headers = serve(f"{version()}/{name}", "", "gzip")
        assert (status, headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
        assert gzip.decompress(body) == asset.content
        assert serve(f"{version()}/{name}", "", "")[1] == asset.content
        assert HEADERS.items() <= headers.items()
    assert serve("v000000000000/app.js", "", "")[0] == 404
    assert serve(f"{version()}/vendor/../../page.py", "", "")[0] == 404


def test_no_module_brings_in_what_the_page_may_not_run_or_fetch() -> None:
    for name, asset in assets().items():
        text = asset.content.decode()
        assert not re.search(r"https?://(?!www\.w3\.org/)", text) or name.startswith("vendor/"), name
        if name.endswith(".js"):
            assert not re.search(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|\.style\b|localhost", text
            ), name


@pytest.mark.parametrize("view", sorted(Path(name).stem for name in assets() if name.startswith("views/")))
def test_a_first_view_is_small(view: str) -> None:
    """The page, its style, its modules and those that they import, and two answers of the API: at most twelve requests."""
    shell = gzip.decompress(serve(view, "", "gzip")[1]).decode()
    needed = set(re.findall(rf"/ui/{version()}/([\w./-]+)", shell)) | {f"views/{view}.js"}
    while (
        more := {_resolved(name, target) for name in needed for target in re.findall(r'from ?"(\.[^"]+)"', assets()[name].content.decode())}
        - needed
    ):
        needed |= more
    assert 1 + len(needed) + 2 <= 12, sorted(needed)
    assert sum(len(assets()[name].packed) for name in needed) < LARGEST_FIRST_VIEW - 20_000


def _resolved(name: str, target: str) -> str:
    parts = [*name.split("/")[:-1], *target.split("/")]
    found: list[str] = []
    for part in parts:
        if part == "..":
            found.pop()
        elif part != ".":
            found.append(part)
    return "/".join(found)
