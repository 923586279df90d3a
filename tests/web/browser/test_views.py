"""Every view, in every dress: it opens by its address, says what it must, is accessible, fits a phone, and breaks no rule of its own policy."""

from typing import Any

import pytest

from tests.web.browser.conftest import HOSTILE, Opens, Site, settled

pytestmark = pytest.mark.xdist_group("stack")

VIEWS = (
    ("/ui", "open alerts"),
    ("/ui/alerts", "severity"),
    ("/ui/alerts?severity=High&status=Active", "match"),
    ("/ui/alerts/{spike}", "What happened"),
    ("/ui/alerts/{hostile}", "What happened"),
    ("/ui/incidents", "Incidents"),
    ("/ui/incidents/{incident}", "In time"),
    ("/ui/inventory", "GET /v1/products"),
    ("/ui/inventory/{endpoint}", "Calls, 48 hours"),
    ("/ui/inventory/0123456789abcdef0123456789abcdef", "Nothing here"),
    ("/ui/recommendations", "affected"),
    ("/ui/recommendations/{recommendation}", "How to mend it"),
    ("/ui/attack-paths", ""),
    ("/ui/drift", ""),
    ("/ui/countries", "registered in"),
    ("/ui/responses", ""),
    ("/ui/suppressions", "Suppressions"),
    ("/ui/privacy", "Promises"),
    ("/ui/audit", "Audit"),
    ("/ui/usage", "distinct addresses"),
    ("/ui/health", "Partitions of the hub"),
    ("/ui/nothing", "no such page"),
)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
MISSING = "the server responded with a status of"
"""What Chromium says of an answer that is no 2xx: of what is not set up, and of health that is not well."""


@pytest.mark.parametrize(
    "dress",
    [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"forced_colors": "active", "reduced_motion": "reduce"}],
    ids=["light", "dark", "forced"],
)
def test_every_view_in_every_dress(site: Site, opens: Opens, axe: str, dress: dict[str, Any]) -> None:
    watched = opens(**dress)
    watched.forgiven.append(MISSING)
    watched.page.add_init_script(axe)
    wrong: list[str] = []
    for path, says in VIEWS:
        page = watched.open(path.format(**vars(site)), "main :is(h1, .state h2)")
        settled(page)
        if says:
            page.get_by_text(says).first.wait_for()
        assert page.title().endswith("Gatewatch")
        found = page.evaluate(f"axe.run(document, {{runOnly: {RULES}}})")
        assert len(found["passes"]) > 10, "axe was at work"
        wrong += [f"{path}: {one['id']} at {one['nodes'][0]['html'][:200]}" for one in found["violations"]]
        page.set_viewport_size({"width": 390, "height": 800})
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wrong.append(f"{path}: scrolls sideways at 390 px")
        page.set_viewport_size({"width": 1280, "height": 800})
    assert not wrong, "\n".join(wrong)


def test_axe_finds_what_is_wrong(site: Site, opens: Opens, axe: str) -> None:
    """Control: a heading in the colour of its ground."""
    watched = opens()
    watched.page.add_init_script(axe)
    page = watched.open("/ui/alerts")
    page.evaluate("document.querySelector('h1').attributeStyleMap.set('color', 'rgb(240,240,240)')")
    found = page.evaluate("axe.run(document, {runOnly: ['wcag2aa']})")
    assert "color-contrast" in {one["id"] for one in found["violations"]}


def test_the_policy_is_at_work(site: Site, opens: Opens) -> None:
    """Control: text that becomes markup, and a style of somebody else's, are refused."""
    watched = opens()
    page = watched.open("/ui/alerts")
    assert (
        page.evaluate("(() => { try { document.body.innerHTML = '<b>x</b>'; return '' } catch (error) { return error.name } })()")
        == "TypeError"
    )
    page.evaluate(
        "(() => { const style = document.createElement('style'); style.textContent = 'body{color:red}'; document.head.append(style) })()"
    )
    assert page.evaluate("new Promise(done => setTimeout(() => done(broken), 500))") != []
    page.evaluate("broken.length = 0")
    watched.forgiven += ["Trusted Type", "TrustedHTML", "Applying inline style", "This document requires"]


def test_hostile_names_are_text(site: Site, opens: Opens) -> None:
    watched = opens()
    page = watched.open(f"/ui/alerts?q={site.hostile}", "a.row")
    assert page.get_by_text("<img src=x onerror").count() >= 1
    page.locator("a.row").first.click()
    page.get_by_text("What happened").wait_for()
    assert page.locator("main img").count() == 0
    assert HOSTILE[:20] in page.locator("main").inner_text()
    page.goto(f"{watched.url}/ui/incidents/{site.hostile}")
    page.get_by_text("In time").wait_for()
    assert page.locator("main img").count() == 0


def test_a_first_view_needs_few_requests_and_few_bytes(site: Site, opens: Opens) -> None:
    for path in ("/ui", "/ui/alerts", f"/ui/alerts/{site.spike}", "/ui/inventory", "/ui/usage"):
        watched = opens()
        sizes: list[int] = []
        watched.page.on("requestfinished", lambda request, sizes=sizes: sizes.append(request.sizes()["responseBodySize"]))
        watched.open(path)
        settled(watched.page)
        assert len(watched.requests) <= 12, watched.requests
        assert sum(sizes) <= 60_000
        again = len(watched.requests)
        watched.page.reload()
        settled(watched.page)
        fresh = [url for url in watched.requests[again:] if "/ui/v" not in url]
        assert len(fresh) <= 3, fresh
