"""What an analyst does with the page, by keyboard and by pointer, alone and beside another, while the server is slow or fails."""

import csv
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from adapters import alerts, suppressions
from adapters.alert_index import FRESH
from model import Endpoint, Severity, alert_id, minute_of
from tests.build import alert
from tests.web.browser.conftest import MANY, PATIENCE, Opens, Site, settled

pytestmark = pytest.mark.xdist_group("stack")
STALE = 1000 * FRESH + 200
"""Milliseconds after which the server has looked at what others wrote."""
FAILED = "the server responded with a status of"


def raised(site: Site, name: str, **fields: Any) -> str:
    """An alert of a test's own, newer than the ten thousand."""
    first = minute_of(datetime.now(UTC)) - 100
    one = alert(
        id=alert_id(first, name),
        first=first,
        last=first + 9,
        endpoint=Endpoint("contoso", "shop", "GET", f"/own/{name}"),
        open=False,
        **fields,
    )
    alerts.write(site.tables, [one], [])
    return one.id


def listed(page: Any) -> list[str]:
    return [link.get_attribute("href") for link in page.locator("a.row").all()]


def test_triage_by_keyboard_alone(site: Site, opens: Opens) -> None:
    page = opens().open("/ui/alerts", "a.row")
    rows = listed(page)
    for key in "jjkj":
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.getAttribute('href')") == rows[1]
    page.keyboard.press("x")
    assert page.locator("tbody tr").nth(1).locator("input").is_checked()
    page.keyboard.press("x")
    page.keyboard.press("Enter")
    page.get_by_text("What happened").wait_for()
    assert page.url.endswith(rows[1])
    page.locator("main h1:focus").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") in ("Take it", "Reopen", "Resolve")
    page.keyboard.press("u")
    page.locator("a.row").first.wait_for()
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog", name="Keys").wait_for(state="detached")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.closest('.filters') !== null")


def test_keys_can_be_switched_off_and_dress_and_zone_are_remembered(site: Site, opens: Opens) -> None:
    page = opens().open("/ui/alerts", "a.row")
    row = page.locator(f"tr:has(a[href='{listed(page)[0]}'])")
    shown = row.locator("time").inner_text()
    page.get_by_text("Display").click()
    for label, value in (("Keys", "off"), ("Times", "local"), ("Theme", "dark"), ("Rows", "dense")):
        page.locator(".preferences label", has_text=label).locator("select").select_option(value)
    page.reload()
    page.locator("a.row").first.wait_for()
    assert page.evaluate("[document.documentElement.dataset.theme, document.documentElement.dataset.density]") == ["dark", "dense"]
    offset = -page.evaluate("iso => new Date(iso).getTimezoneOffset()", row.locator("time").get_attribute("datetime"))
    assert offset in (60, 120), "Berlin, winter or summer"
    assert row.locator("time").inner_text() == f"{datetime.fromisoformat(shown) + timedelta(minutes=offset):%Y-%m-%d %H:%M}"
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.tagName") != "A"
    assert page.evaluate("Object.keys(sessionStorage).length") == 0


def test_filters_are_addresses_and_survive_a_reload_and_a_pivot(site: Site, opens: Opens) -> None:
    page = opens().open("/ui/alerts", "a.row")
    page.get_by_label("Severity").select_option("High")
    page.locator("a.row").first.wait_for()
    page.wait_for_url("**/ui/alerts?severity=High")
    page.get_by_text(re.compile(r"2,0\d\d alerts match")).wait_for()
    assert set(page.locator("tbody .severity").all_inner_texts()) == {"High"}
    page.reload()
    page.locator("a.row").first.wait_for()
    assert page.get_by_label("Severity").input_value() == "High"
    page.get_by_label("Endpoint, address").fill("198.51.100.7")
    page.wait_for_url("**q=198.51.100.7")
    page.get_by_text(re.compile(r"\d+ alerts? match")).wait_for()
    page.get_by_role("link", name="Clear").click()
    page.get_by_text(re.compile(r"10,0\d\d alerts in the last 31 days")).wait_for()
    page.get_by_role("link", name="Older").click()
    page.wait_for_url("**cursor=*")
    page.go_back()
    page.goto(f"{page.url.split('/ui')[0]}/ui/alerts/{site.hostile}")
    page.get_by_role("link", name="its alerts").first.click()
    page.get_by_text(re.compile("1 alert match")).wait_for()
    assert "actor=" in page.url


def test_several_are_changed_with_one_comment_and_what_failed_says_so(site: Site, opens: Opens) -> None:
    ids = [raised(site, f"bulk{number}", severity=Severity.LOW) for number in range(3)]
    watched = opens()
    watched.page.wait_for_timeout(STALE)
    page = watched.open("/ui/alerts?q=/own/bulk", "a.row")
    page.get_by_label("choose all shown").check()
    alerts.amend(site.tables, ids[1], None, _patch("InProgress"), "bob@contoso.com", datetime.now(UTC))
    page.get_by_label("One comment for all").fill("our own scanner")
    page.locator(".bulk select").select_option("Resolved")
    page.get_by_role("button", name="Apply").click()
    page.get_by_text("2 of 3 alerts changed to Resolved").wait_for()
    assert page.get_by_text("bob@contoso.com made it In progress; apply again to overrule").count() == 1
    assert page.locator(".bulk strong").inner_text() == "1 chosen"
    page.locator(".bulk select").select_option("Resolved")
    page.get_by_role("button", name="Apply").click()
    page.get_by_text("1 of 1 alert changed to Resolved").wait_for()
    found = [alerts.find(site.tables, id) for id in ids]
    assert [one.status if one else "" for one in found] == ["Resolved"] * 3
    assert found[0] is not None
    assert found[0].triage.changes[0].by == "analyst@contoso.com (00000000-0000-4000-8000-000000000015)"


def test_two_analysts_at_once_see_a_difference_and_lose_nothing(site: Site, opens: Opens) -> None:
    id = raised(site, "twice")
    alice, bob = opens(), opens()
    alice.forgiven.append(FAILED)
    for watched in (alice, bob):
        watched.open(f"/ui/alerts/{id}", "text=What happened")
    bob.page.get_by_label("Comment").fill("mine already")
    bob.page.get_by_role("button", name="Resolve").click()
    bob.page.get_by_text("Now Resolved").wait_for()
    alice.page.get_by_label("Comment").fill("looks like a scan")
    alice.page.get_by_role("button", name="Dismiss").click()
    conflict = alice.page.locator(".conflict")
    conflict.wait_for()
    assert re.search(r"made it Resolved \d+ (s|min) ago", conflict.inner_text())
    assert "mine already" in conflict.inner_text()
    assert alice.page.get_by_label("Comment").input_value() == "looks like a scan"
    alice.page.get_by_role("button", name="Apply mine on top").click()
    alice.page.get_by_text("Now Dismissed").wait_for()
    assert conflict.count() == 0
    found = alerts.find(site.tables, id)
    assert found is not None
    assert [(change.status, change.comment) for change in found.triage.changes] == [
        ("Resolved", "mine already"),
        ("Dismissed", "looks like a scan"),
    ]


def test_the_chart_says_what_it_shows(site: Site, opens: Opens) -> None:
    page = opens().open(f"/ui/alerts/{site.spike}", "svg.chart")
    chart = page.locator("svg.chart").first
    assert (
        chart.evaluate(
            "e => ['observed', 'expected', 'threshold', 'band'].map(name => (e.querySelector(`path.${name}`)?.getAttribute('d') ?? '').length > 20)"
        )
        == [True] * 4
    )
    assert chart.locator("rect.attack").count() == 1
    assert re.search(r"the highest has \d+ calls at .* where \d+ are tolerated", chart.get_attribute("aria-label") or "")
    page.get_by_text("The same as a table").click()
    assert page.locator("figure tbody tr").count() == 144
    big = [text.replace(",", "") for text in page.locator(".figures .big").all_inner_texts()]
    stored = alerts.find(site.tables, site.spike)
    assert stored is not None
    assert big[0] == f"{stored.alert.sighting.observed:.0f}"
    page.get_by_text("As a line of detectors.json").click()
    line = json.loads(page.locator(".silent pre").inner_text())
    assert line["where"][0]["limits"]["API_PopulationSpikeInAPITraffic"]["floor"] == stored.alert.sighting.observed + 1


def test_expected_says_what_it_will_do_and_does_it(site: Site, opens: Opens) -> None:
    id = raised(site, "expected")
    page = opens().open(f"/ui/alerts/{id}", "text=What happened")
    page.get_by_role("button", name="Expected…").click()
    dialog = page.get_by_role("dialog")
    assert all(word in dialog.inner_text() for word in ("Dismissed", "24 hours", "learns"))
    dialog.get_by_label("Why").fill("load test")
    dialog.get_by_role("button", name="It was expected").click()
    page.get_by_text("Expected: dismissed").wait_for()
    assert [rule.alert for rule in suppressions.read(site.tables) if rule.alert == id] == [id]


def test_a_suppression_says_first_what_it_would_have_covered(site: Site, opens: Opens) -> None:
    watched = opens()
    id = listed(watched.open("/ui/alerts?detector=API_ErrorBurst", "a.row"))[0]
    page = watched.open(id, "text=What happened")
    page.get_by_role("button", name="Suppress…").click()
    page.get_by_text(re.compile(r"It would have covered \d+ of the last 1,000 alerts")).wait_for()
    page.get_by_text("only caller").click()
    page.get_by_text("only endpoint").click()
    page.get_by_text(re.compile(r"It would have covered 19\d|It would have covered 200")).wait_for()
    page.get_by_role("dialog").get_by_label("Why").fill("known outage")
    page.get_by_role("dialog").get_by_role("button", name="Suppress").click()
    page.get_by_role("dialog").wait_for(state="detached")
    page.goto(f"{watched.url}/ui/suppressions")
    page.get_by_text("known outage").wait_for()
    row = page.locator("tr", has_text="known outage")
    row.get_by_role("button", name="End").click()
    row.get_by_role("button", name="Really end it").click()
    row.wait_for(state="detached")
    assert not [rule for rule in suppressions.read(site.tables) if rule.comment == "known outage"]


def test_who_has_no_line_of_its_own_is_told_why(site: Site, opens: Opens) -> None:
    page = opens().open(
        f"/ui/alerts/{raised(site, 'identity', detector='API_SpikeByIdentity', sighting={'actor': 'subscription:partner', 'status_class': '2xx'})}",
        "svg.chart",
    )
    page.get_by_text("of a subscription, a user or a token only what it is accused of").wait_for()
    page.get_by_text("Everybody together at this endpoint").wait_for()
    assert page.locator("svg.chart").count() == 1


def test_an_alert_prints_what_it_says_and_nothing_to_press(site: Site, opens: Opens) -> None:
    page = opens(color_scheme="dark").open(f"/ui/alerts/{site.spike}", "svg.chart")
    page.evaluate("(() => { window.printed = 0; window.print = () => { printed += 1 } })()")
    page.locator("details.copies summary").click()
    page.get_by_role("button", name="Print").click()
    assert page.evaluate("printed") == 1
    page.emulate_media(media="print")
    for shown in ("h1", ".facts .severity", ".figures", "svg.chart", ".silent", "text=What to do", "text=Nobody has touched it"):
        assert page.locator(f"main {shown}" if "=" not in shown else shown).first.is_visible(), shown
    for hidden in (".bar", ".triage", "nav.up", ".silent details"):
        assert not page.locator(hidden).first.is_visible(), hidden
    assert page.evaluate("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.documentElement).colorScheme]") == [
        "rgb(255, 255, 255)",
        "light",
    ]
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.pdf().startswith(b"%PDF")


def test_the_inventory_has_the_columns_that_one_chooses_and_the_servers_file(site: Site, opens: Opens) -> None:
    page = opens(accept_downloads=True).open("/ui/inventory?method=GET", "a.row")
    assert page.evaluate("(box => box.scrollWidth - box.clientWidth)(document.querySelector('.scroll'))") == 0, "all columns fit"
    heads = page.locator("thead th")
    assert {"last called", "authentication", "from outside", "sensitive data", "calls", "p95", "alerts", "risk"} <= set(
        heads.all_inner_texts()
    )
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("callers").check()
    page.get_by_label("products").check()
    page.get_by_label("p95").uncheck()
    page.reload()
    page.locator("a.row").first.wait_for()
    assert {"callers", "products"} <= set(heads.all_inner_texts())
    assert "p95" not in heads.all_inner_texts()
    shown = page.locator("a.row").all_inner_texts()
    with page.expect_download() as begun:
        page.get_by_role("button", name="Download CSV").click()
    rows = list(csv.DictReader(Path(begun.value.path()).read_text(encoding="utf-8").splitlines()))
    assert [f"{row['method']} {row['template']}" for row in rows] == shown, "the filter and the order are those of the page"
    assert {"p95Milliseconds", "products", "countries", "riskScore"} <= rows[0].keys()
    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("button", name="The usual ones").click()
    page.locator("th", has_text="p95").wait_for()


def test_copies_are_what_they_say(site: Site, opens: Opens) -> None:
    page = opens().open(f"/ui/alerts/{site.spike}", "text=What happened")

    def copied(what: str) -> str:
        page.locator("details.copies summary").click()
        page.get_by_role("button", name=what, exact=True).click()
        page.get_by_text(f"{what} copied").wait_for()
        return str(page.evaluate("navigator.clipboard.readText()"))

    assert copied("link").endswith(f"/ui/alerts/{site.spike}")
    assert json.loads(copied("JSON"))["name"] == site.spike
    assert copied("KQL").startswith("ApiManagementGatewayLogs\n| where TimeGenerated between")
    page.goto(page.url.split("/ui")[0] + "/ui/alerts?severity=Low")
    page.locator("a.row").first.wait_for()
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("link copied").wait_for()
    assert re.search(r"/ui/alerts\?severity=Low&to=20\d\d-", page.evaluate("navigator.clipboard.readText()"))


def test_new_alerts_are_announced_and_move_nothing(site: Site, opens: Opens) -> None:
    page = opens().open("/ui/alerts", "a.row")
    before = listed(page)
    first = minute_of(datetime.now(UTC)) + 1
    fresh = [alert(id=alert_id(first, f"fresh{n}"), first=first, last=first + 9, detector="API_Injection") for n in range(3)]
    alerts.write(site.tables, fresh, [])
    page.wait_for_timeout(STALE)
    page.evaluate("dispatchEvent(new Event('look-again'))")
    page.get_by_text("3 new alerts").wait_for()
    assert listed(page) == before
    page.get_by_role("button", name="Show").click()
    page.locator(f"a.row[href='/ui/alerts/{fresh[0].id}']").wait_for()
    assert page.get_by_text("3 new alerts").count() == 0


def test_a_slow_server_keeps_what_is_shown_and_says_that_it_reads(site: Site, opens: Opens) -> None:
    watched = opens()
    page = watched.open("/ui/usage", "h1")
    held: list[Any] = []
    page.route("**/ui/api/alerts?**", lambda route: held.append(route))
    page.get_by_role("link", name="Alerts", exact=True).click()
    page.get_by_text("Reading alerts…").wait_for()
    _released(page, held)
    page.locator("a.row").first.wait_for()
    shown = listed(page)
    page.get_by_label("Severity").select_option("Low")
    page.locator(".older").wait_for()
    assert listed(page) == shown, "what was there stays until something new is"
    _released(page, held)
    page.get_by_text(re.compile("alerts match")).wait_for()
    page.unroute_all(behavior="ignoreErrors")


def test_a_failing_server_is_said_and_asked_again(site: Site, opens: Opens) -> None:
    watched = opens()
    watched.forgiven += [FAILED, "net::ERR_FAILED"]
    page = watched.page
    page.route("**/ui/api/alerts?**", lambda route: route.fulfill(status=500, body=""))
    watched.open("/ui/alerts")
    page.get_by_text("Alerts cannot be read").wait_for()
    page.unroute("**/ui/api/alerts?**")
    page.get_by_role("button", name="Try again").click()
    page.locator("a.row").first.wait_for()
    page.route("**/ui/api/alerts?**", lambda route: route.abort())
    page.get_by_label("Severity").select_option("Low")
    page.get_by_text("Shown as it was").wait_for()
    assert page.locator("a.row").count() > 10
    page.unroute("**/ui/api/alerts?**")
    page.route(
        "**/ui/api/overview",
        lambda route: route.fulfill(status=403, json={"error": {"code": "WrongRole", "message": "this needs the role Reader"}}),
    )
    watched.open("/ui")
    page.get_by_text("Not allowed").wait_for()


def test_a_session_that_ends_keeps_what_was_typed(site: Site, opens: Opens) -> None:
    watched = opens()
    watched.forgiven.append(FAILED)
    id = raised(site, "signedout")
    page = watched.open(f"/ui/alerts/{id}", "text=What happened")
    page.get_by_label("Comment").fill("half a thought")
    out = {"error": {"code": "SignedOut", "message": "sign in", "signIn": "/.auth/login/aad"}}
    page.route(f"**/ui/api/alerts/{id}", lambda route: route.fulfill(status=401, json=out))
    page.get_by_role("button", name="Resolve").click()
    link = page.get_by_role("link", name="Sign in")
    link.wait_for()
    assert link.get_attribute("href") == f"/.auth/login/aad?post_login_redirect_uri=%2Fui%2Falerts%2F{id}"
    page.unroute(f"**/ui/api/alerts/{id}")
    page.reload()
    page.get_by_text("What happened").wait_for()
    assert page.get_by_label("Comment").input_value() == "half a thought"


def test_a_reader_reads_and_a_privacy_officer_sees_no_alert(site: Site, opens: Opens) -> None:
    watched = opens()
    page = watched.page
    page.route("**/ui/api/me", lambda route: route.fulfill(json={"name": "rita@contoso.com", "roles": ["Reader"], "signIn": "entra"}))
    watched.open("/ui/alerts", "a.row")
    assert page.locator("input[type=checkbox]").count() == 0
    assert page.get_by_role("link", name="Privacy").count() == 0
    page.locator("a.row").first.click()
    page.get_by_text("changing an alert needs the role Analyst").wait_for()
    assert page.get_by_role("button", name="Resolve").count() == 0
    page.unroute("**/ui/api/me")
    page.route(
        "**/ui/api/me", lambda route: route.fulfill(json={"name": "pia@contoso.com", "roles": ["PrivacyOfficer"], "signIn": "entra"})
    )
    watched.open("/ui/privacy", "text=Promises")
    assert page.get_by_role("link", name="Alerts").count() == 0


def test_a_key_comes_by_the_fragment_and_stays_in_the_tab(site: Site, opens: Opens) -> None:
    watched = opens()
    watched.forgiven.append(FAILED)
    page = watched.page
    page.route(
        "**/ui/api/**", lambda route: route.fulfill(status=401, json={"error": {"code": "SignedOut", "message": "sign in", "signIn": None}})
    )
    watched.open("/ui/alerts")
    page.get_by_label("Function key").fill("wrong")
    page.get_by_role("button", name="Open").click()
    page.get_by_text("This key is not known here").wait_for()
    page.goto(f"{watched.url}/ui/alerts#key={site.stack.keys['default']}")
    page.locator("a.row").first.wait_for()
    assert "key=" not in page.url
    assert page.evaluate("Object.values(localStorage).length") == 0
    assert not [url for url in watched.requests if site.stack.keys["default"] in url.partition("#")[0]]


def test_erasing_needs_the_name_twice(site: Site, opens: Opens) -> None:
    page = opens().open("/ui/privacy", "text=Promises")
    page.get_by_role("textbox", name="Address (IP)").fill("192.0.2.250")
    page.get_by_role("button", name="Erase…").click()
    erase = page.get_by_role("dialog").get_by_role("button", name="Erase")
    assert erase.is_disabled()
    page.get_by_label("Type it again").fill("192.0.2.25")
    assert erase.is_disabled()
    page.get_by_label("Type it again").fill("192.0.2.250")
    erase.click()
    page.get_by_text("The erasure has begun").wait_for()
    page.locator("table", has_text="erase").first.wait_for()


def test_a_foreign_page_changes_nothing(site: Site, opens: Opens) -> None:
    """A page of another origin asks with whatever the browser sends along: nothing arrives."""
    id = raised(site, "foreign")
    watched = opens()
    page = watched.open("/ui/alerts", "a.row")
    elsewhere = watched.url.replace("127.0.0.1", "localhost")
    page.goto(f"{elsewhere}/ui/usage")
    settled(page)
    watched.forgiven += ["CORS", "net::ERR", "Content Security Policy", "connect-src", "Refused to connect", "violates", "Fetch API"]
    asked = "u => fetch(u, {method: 'PATCH', mode: 'cors', headers: {'X-Gatewatch': '1', 'If-Match': '*', 'Content-Type': 'application/json'}, body: '{\"status\":\"Dismissed\"}'}).then(r => r.status, e => e.name)"
    assert page.evaluate(asked, f"{watched.url}/ui/api/alerts/{id}") == "TypeError"
    page.evaluate("broken.length = 0")
    watched.requests = [url for url in watched.requests if not url.startswith(elsewhere)]
    found = alerts.find(site.tables, id)
    assert found is not None
    assert found.triage.changes == ()


def test_ten_thousand_alerts_are_a_page_each(site: Site, opens: Opens) -> None:
    page = opens().open("/ui/alerts", "a.row")
    page.get_by_text(re.compile(r"10,\d\d\d alerts")).wait_for()
    assert page.locator("a.row").count() == 50
    assert MANY == 10_000


def _released(page: Any, held: list[Any]) -> None:
    """Lets the requests through that a test has held back, once there is one."""
    deadline = monotonic() + PATIENCE / 1000
    while not held:
        assert monotonic() < deadline, "nothing was asked for"
        page.wait_for_timeout(50)
    while held:
        held.pop().continue_()


def _patch(status: Any) -> Any:
    from alerts.triage import AlertPatch

    return AlertPatch(status=status)
