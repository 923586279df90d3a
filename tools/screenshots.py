"""`python -m tools.screenshots`: pictures of the page that runs here (`make run`), light and dark, for the documentation."""

import argparse
import json
import shutil
import sys
import urllib.request
from pathlib import Path

from detectors.population_spike import population_spike

ROOT = Path(__file__).parent.parent
VIEWS = {
    "overview": "/ui",
    "alerts": "/ui/alerts",
    "alert": "/ui/alerts/{alert}",
    "incident": "/ui/incidents/{incident}",
    "inventory": "/ui/inventory",
    "recommendations": "/ui/recommendations",
    "privacy": "/ui/privacy",
}
"""Name of the picture -> address."""


def main() -> int:
    """0 when every picture is there; 1 with one sentence where the stack, Chromium or an alert is missing."""
    parser = argparse.ArgumentParser(prog="python -m tools.screenshots", description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / ".gatewatch" / "run", help="of the stack that runs (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    parser.add_argument("--only", choices=sorted(VIEWS), action="append", help="these views (default: all)")
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    details = arguments.folder / "stack.json"
    if not chromium or not details.is_file():
        print(
            "error: " + ("no stack runs here: make run" if chromium else "Chromium is missing: apt-get install chromium"), file=sys.stderr
        )
        return 1
    stack = json.loads(details.read_text(encoding="utf-8"))
    alert = _alert(stack["url"], stack["keys"]["default"])
    if alert is None:
        print("error: there is no alert yet to take a picture of", file=sys.stderr)
        return 1
    arguments.out.mkdir(parents=True, exist_ok=True)
    _take(chromium, stack["url"], {name: VIEWS[name].format(**alert) for name in arguments.only or VIEWS}, arguments.out)
    return 0


def _alert(url: str, key: str) -> dict[str, str] | None:
    """The newest alert that has a chart, and its incident."""
    request = urllib.request.Request(f"{url}/api/alerts?limit=200", headers={"x-functions-key": key})
    with urllib.request.urlopen(request, timeout=60) as answer:
        found = json.load(answer)["value"]
    spikes = [one for one in found if one["about"]["detector"] == population_spike.id] or found
    return {"alert": spikes[0]["name"], "incident": spikes[0]["properties"]["correlationKey"]} if spikes else None


def _take(chromium: str, url: str, views: dict[str, str], out: Path) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme="dark" if scheme == "dark" else "light")
            for name, path in views.items():
                page.goto(url + path)
                page.locator("main h1").first.wait_for()
                page.locator("main .waiting").first.wait_for(state="detached")
                page.wait_for_timeout(300)  # charts are drawn once their width is known
                page.screenshot(path=out / f"{name}-{scheme}.png")
                print(f"{name}-{scheme}.png")
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
