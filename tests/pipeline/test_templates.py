"""Shapes of paths, the templates that recur in what several clients were answered, and the places of calls."""

from collections import Counter
from collections.abc import Iterable, Mapping
from random import Random
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pipeline.placing
from model import Endpoint, bucket_of, is_bucket
from pipeline.fold import fold
from pipeline.shapes import outline, shape
from pipeline.templates import MOST, SHAPES, TEMPLATES, Templates, kind_of
from tests.build import START, api_call
from windows.tally import TABLES

NOW = 2_000
Call = tuple[str, str, int]
"""Path, client and minute."""


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/", "/"),
        ("", "/"),
        ("//v1//admin//", "/v1/admin"),
        ("/v1/orders/17/lines/3", "/v1/orders/{integer}/lines/{integer}"),
        ("/v1/things/0b6b9b0e-7c1e-4b62-9f6e-0d2f3f9a5a10", "/v1/things/{uuid}"),
        ("/commit/8f14e45fceea167a", "/commit/{hex}"),
        ("/report/2026-11-24", "/report/{date}"),
        ("/s/aB3dEf6hIj9kLmN0", "/s/{token}"),
        ("/users/ann", "/users/{name}"),
        ("/users/me", "/users/me"),
        ("/v1/Customers/Smith/orders", "/v1/Customers/{name}/orders"),
        ("/~ann/x", "/{name}/x"),
        ("/team/ann.smith", "/team/{name}"),
        ("/team/Ann_Smith", "/team/{name}"),
        ("/ann@example.com", "/{…}"),
        ("/docs/read.html", "/docs/read.html"),
        ("/blog/geekery/ssl-latency.html", "/blog/geekery/ssl-latency.html"),
        ("/%2e%2e/%2e%2e/etc", "/{…}"),
        ("/x/\U0001f600/y", "/x/{…}"),
        ("/" + "a" * 65_536, "/{…}"),
        ("/a/b/c/d/e/f/g/h/i/j", "/a/b/c/d/e/f/g/h/{…}"),
    ],
)
def test_shapes(path: str, template: str) -> None:
    assert shape(path) == template


@pytest.mark.parametrize(
    ("path", "drawn"),
    [
        ("/v1/admin/users/7", "/v1/admin/{…}"),
        ("/v1/admin", "/v1/admin"),
        ("/.env", "/.env"),
        ("/", "/"),
        ("/8f14e45f/x", "/{…}"),
        ("/v1/8f14e45f", "/v1/{…}"),
        ("/blog/2024-in-review/x", "/blog/{…}"),
    ],
)
def test_outlines(path: str, drawn: str) -> None:
    assert outline(shape(path)) == drawn


@given(st.text())
def test_any_path_has_a_short_shape(path: str) -> None:
    found = shape(path)
    assert found.startswith("/")
    assert len(found) <= 8 * 66 + 4


def shape_of(path: str, service: str = "contoso") -> Endpoint:
    return Endpoint(service, "", "GET", shape(path), matched=False)


def seen(calls: Iterable[Call], learned: Mapping[Endpoint, int] | None = None) -> Templates:
    templates = Templates(learned)
    for path, client, minute in calls:
        templates.see(shape_of(path), client, minute, 1)
    return templates


def learned(calls: Iterable[Call]) -> set[str]:
    return {endpoint.template for endpoint in seen(calls).learn(NOW)}


WORDS = tuple(f"{a}{b}" for a in "abcdefgh" for b in ("art", "ing", "oss", "ump", "ale"))


def site(random: Random, n: int = 2_000) -> list[Call]:
    """Pages, their files, tags and an API behind one wildcard."""
    calls = []
    for number in range(n):
        path = random.choice(
            [
                f"/blog/{random.choice(WORDS)}-and-the-{random.choice(WORDS)}",
                f"/images/{random.choice(WORDS)}.png",
                f"/tags/{random.choice(WORDS)}",
                f"/api/orders/{random.randrange(9_999)}/lines",
                f"/users/{random.choice(WORDS)}",
                "/about",
            ]
        )
        calls.append((path, f"192.0.2.{random.randrange(40)}", number // 5))
    return calls


def often(*paths: str, clients: int = 5, since: int = 0) -> list[Call]:
    """Each path several times by each client, over some hours."""
    return [(path, f"192.0.2.{n % clients}", since + n * 20) for path in paths for n in range(clients * 4)]


def test_the_templates_of_a_site_are_what_a_person_would_have_written() -> None:
    assert learned(site(Random(1))) == {
        "/about", "/api/orders/{integer}/lines", "/blog/{slug}", "/images/{file}", "/tags/{word}", "/users/{name}"
    }  # fmt: skip


@settings(max_examples=25)
@given(seed=st.integers(0, 1_000))
def test_the_order_of_calls_does_not_matter(seed: int) -> None:
    random = Random(seed)
    calls = site(random, 300)
    with mock.patch("pipeline.templates.SHAPES", random.choice((20, 60, 10_000))):  # be there room for all or not
        found = learned(calls)
        random.shuffle(calls)
        assert learned(calls) == found


@settings(max_examples=25)
@given(seed=st.integers(0, 1_000))
def test_batches_and_partitions_do_not_matter(seed: int) -> None:
    """A tally counts the calls of a minute once; what is learned from tallies is what is learned from calls."""
    random = Random(seed)
    calls = site(random, 300)
    partitions: list[list[Call]] = [[], [], []]
    for one in calls:
        random.choice(partitions).append(one)
    templates = Templates()
    for partition in partitions:
        while partition:
            cut = random.randrange(1, 90)
            for (path, client, minute), n in Counter(partition[:cut]).items():
                templates.see(shape_of(path), client, minute, n)
            del partition[:cut]
    assert {endpoint.template for endpoint in templates.learn(NOW)} == learned(calls)


@pytest.mark.parametrize(
    ("case", "calls"),
    [
        ("one client", [("/about", "192.0.2.1", n) for n in range(500)]),
        ("two clients", [("/about", f"192.0.2.{n % 2}", n) for n in range(500)]),
        ("many clients at once", [("/about", f"192.0.2.{n}", n % 9) for n in range(200)]),
        ("few calls", [("/about", f"192.0.2.{n}", n * 60) for n in range(9)]),
        ("longer ago than a cold start recalls", often("/about", since=-3_000)),
    ],
)
def test_below_the_floor_nothing_becomes_an_endpoint(case: str, calls: list[Call]) -> None:
    templates = seen(calls)
    templates.learn(0)
    assert templates.learn(NOW) == {}, case


def placed(templates: Templates, path: str, minute: int = NOW) -> str:
    found = templates.place(shape_of(path), minute)
    return "bucket" if is_bucket(found) else found.template


def test_an_endpoint_holds_from_a_window_on_and_for_ever() -> None:
    templates = seen(often("/docs/intro"))
    assert placed(templates, "/docs/intro") == "bucket"
    first = templates.learn(NOW)
    assert first == {shape_of("/docs/intro"): NOW}
    for again in (templates, Templates(first)):
        assert placed(again, "/docs/intro", NOW - 1) == "bucket", "a call of an earlier window, however late it comes"
        assert placed(again, "/docs/intro", NOW) == placed(again, "/docs/intro", NOW + 9_999) == "/docs/intro"
        assert placed(again, "/docs/other") == placed(again, "/docs") == "bucket"
        assert again.learn(NOW + 20) == {}


def test_where_many_come_to_be_they_are_a_value_and_those_before_keep_their_own() -> None:
    templates = seen(often("/docs/intro"))
    first = templates.learn(NOW)
    for path, client, minute in often(*(f"/docs/{word}" for word in WORDS), since=NOW):
        templates.see(shape_of(path), client, minute, 1)
    new = templates.learn(NOW + 20)
    assert [endpoint.template for endpoint in new] == ["/docs/{word}"]
    for again in (templates, Templates(first | new)):
        assert placed(again, "/docs/intro", NOW + 20) == "/docs/intro", "its id never changes"
        assert placed(again, "/docs/whatever", NOW + 20) == "/docs/{word}"
        assert placed(again, "/docs/whatever", NOW + 19) == "bucket"
        assert placed(again, "/docs") == "bucket"


def test_words_that_are_learned_one_after_another_are_a_value_at_last() -> None:
    templates = Templates()
    new: dict[Endpoint, int] = {}
    for at, word in enumerate(WORDS):
        for path, client, minute in often(f"/docs/{word}", since=NOW + at * 400):
            templates.see(shape_of(path), client, minute, 1)
        new |= templates.learn(NOW + (at + 1) * 400)
    assert len(new) == MOST["word"] + 1
    assert "/docs/{word}" in {endpoint.template for endpoint in new}


def test_what_an_earlier_version_kept_holds_from_the_beginning() -> None:
    templates = Templates({Endpoint("contoso", "", "GET", "/v1/admin/{…}", matched=False): 0, bucket_of("contoso", ""): 0})
    assert placed(templates, "/v1/admin/\U0001f600", 0) == "/v1/admin/{…}"
    assert placed(templates, "/", 0) == "bucket"


def test_services_apis_and_methods_are_told_apart() -> None:
    templates = seen(often("/docs"))
    templates.learn(NOW)
    for other in (("contoso", "site", "GET"), ("contoso", "", "POST"), ("fabrikam", "", "GET")):
        assert templates.place(Endpoint(*other, "/docs", matched=False), NOW) == bucket_of(*other[:2])
    described = Endpoint("contoso", "site", "GET", "/docs/{id}")
    assert templates.place(described, NOW) is described


def test_a_hostile_multitude_of_paths_is_bounded_and_hides_nothing_that_was_learned() -> None:
    templates = seen(often("/about"))
    templates.learn(NOW)
    letters = "abcdefghijklmnop"
    for number in range(SHAPES * 2):
        word = "".join(letters[number >> shift & 15] for shift in (0, 4, 8, 12))
        templates.see(shape_of(f"/{word}/x{word}/{word}y"), f"192.0.2.{number % 3}", NOW + number % 200, 1)
    assert len(templates._candidates["contoso"]) == SHAPES
    assert {endpoint.template for endpoint in templates.learn(NOW + 200)} == {"/{word}/{word}/{word}"}
    assert len(templates._candidates["contoso"]) == 0
    assert placed(templates, "/about") == "/about"


def test_learned_endpoints_are_bounded() -> None:
    paths = ["/" + "/".join("abcdefghij"[int(digit)] * 2 for digit in str(number)) for number in range(100, 150 + TEMPLATES)]
    templates = seen(often(*paths))
    assert len(templates.learn(NOW)) == TEMPLATES
    assert templates.learn(NOW + 20) == {}
    assert templates.is_rich("contoso")
    assert not templates.is_rich("fabrikam")


CALLS = st.lists(
    st.tuples(st.sampled_from(("/docs/intro", "/docs/other", "/v1/orders/7", "/nowhere")), st.integers(0, 200), st.booleans()), max_size=40
)


@given(calls=CALLS, learned=st.dictionaries(st.sampled_from(("/docs/intro", "/docs/{word}", "/v1/orders/{integer}")), st.integers(1, 9)))
def test_a_tally_is_placed_as_each_of_its_calls_would_be(calls: list[tuple[str, int, bool]], learned: dict[str, int]) -> None:
    templates = Templates({Endpoint("contoso", "shop", "GET", one, matched=False): START + 20 * at for one, at in learned.items()})
    made = [api_call(minute, url_template="/described" if is_matched else None, path=path) for path, minute, is_matched in sorted(calls)]
    tally = fold(made, b"k" * 32)
    found, shapes, outlines = pipeline.placing.placed(tally, templates)
    expected: Counter[tuple[Endpoint, Endpoint, int]] = Counter()
    for minute, endpoint, *_, n, _, _, _, _ in tally.rows("calls"):
        expected[tally.endpoints[endpoint], templates.place(tally.endpoints[endpoint], minute), minute] += n
    assert [one.template for one in outlines] == [one.template if one.matched else outline(one.template) for one in shapes]
    for name in TABLES:
        assert TABLES[name].keys[:2] == ("minute", "endpoint")
        assert len(found.rows(name)) == len(tally.rows(name))
    assert Counter({(shapes[row[1]], found.endpoints[row[1]], row[0]): row[4] for row in found.rows("calls")}) == expected


@pytest.mark.parametrize(
    ("segment", "kind"),
    [
        ("about", "word"),
        ("getOrders", "word"),
        ("ssl-latency", "word"),
        ("disabling-battery-in-vms", "slug"),
        ("v2", "slug"),
        ("read.html", "file"),
        (".env", "word"),
        ("{integer}", "{integer}"),
    ],
)
def test_kinds_of_segments(segment: str, kind: str) -> None:
    assert kind_of(segment) == kind
