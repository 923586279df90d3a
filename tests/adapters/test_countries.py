"""Where countries come from: the registries' lists, an operator's database in three forms, and what is broken, which stops nothing."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped]

from adapters import country_days
from adapters.countries import REGISTRIES, Countries
from adapters.evidence import Evidence
from adapters.ingest import Ingest
from adapters.tables import Tables
from tests.adapters.world import KEY, START, World
from web.countries import page
from web.usage import page as usage

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
FORMS: dict[str, dict[str, Any]] = {
    "MaxMind, DB-IP": {"country": {"iso_code": "NL", "names": {"en": "Netherlands"}}, "registered_country": {"iso_code": "US"}},
    "IPinfo, ip-location-db": {"country_code": "nl"},
    "IPinfo Lite's other": {"country": "NL", "continent": "EU"},
    "registered only": {"registered_country": {"iso_code": "NL"}},
}


def database(record: dict[str, Any], name: str = "Test-Country") -> bytes:
    writer = MMDBWriter(6, name, ipv4_compatible=True)
    writer.insert_network(IPSet(["203.0.113.0/24", "2001:db8::/32"]), record)
    path = Path("/tmp") / f"gatewatch-{name}-{id(writer)}.mmdb"
    writer.to_db_file(str(path))
    content = path.read_bytes()
    path.unlink()
    return content


@pytest.mark.parametrize("form", FORMS)
def test_a_database_of_any_form_is_preferred(tmp_path: Path, form: str) -> None:
    path = tmp_path / "own.mmdb"
    path.write_bytes(database(FORMS[form]))
    source = Countries(str(path), "IP Geolocation by DB-IP").at(NOW)
    assert [source.look(address) for address in ("203.0.113.7", "2001:db8::1", "8.8.8.8")] == ["NL", "NL", ""]
    assert (source.exact, source.name, source.attribution) == (True, "Test-Country", "IP Geolocation by DB-IP")
    assert source.as_of is not None


def test_a_database_in_the_evidence_account(evidence: Evidence) -> None:
    evidence.put("intel", "own.mmdb", database({"country_code": "DE"}))
    countries = Countries("intel/own.mmdb", "", evidence)
    assert countries.at(NOW).look("203.0.113.7") == "DE"
    evidence.put("intel", "own.mmdb", database({"country_code": "FR"}))
    assert countries.at(NOW).look("203.0.113.7") == "DE"
    assert countries.at(NOW + timedelta(days=1, seconds=1)).look("203.0.113.7") == "FR"
    evidence.put("intel", "own.mmdb", b"broken")
    assert countries.at(NOW + timedelta(days=3)).look("203.0.113.7") == "FR", "the last good one stays in force"
    assert "stays in force" in countries.notices(NOW + timedelta(days=3))[0]


@pytest.mark.parametrize("content", [b"", b"no database", b"\x00" * 4096, database({"country_code": "NL"})[:-30]])
def test_a_broken_file_is_a_notice_and_the_registries_answer(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "own.mmdb"
    path.write_bytes(content)
    countries = Countries(str(path))
    source = countries.at(NOW)
    assert (source.look("8.8.8.8"), source.exact, source.attribution) == ("US", False, REGISTRIES)
    assert "refused" in countries.notices(NOW)[0]


def test_an_old_database_is_a_notice(tmp_path: Path) -> None:
    path = tmp_path / "own.mmdb"
    path.write_bytes(database({"country_code": "NL"}))
    later = datetime.now(UTC) + timedelta(days=91)
    assert "bring newer ones" in Countries(str(path)).notices(later)[0]


@pytest.mark.parametrize("address", ["", "203.0.113.7", "::ffff:8.8.8.8", "8.8.8.8:443", "fe80::1%eth0", "nobody", "10.0.0.1"])
def test_what_has_no_country(address: str) -> None:
    assert Countries().at(NOW).look(address) == ""


def test_the_laptops_table_is_marked(account: Any) -> None:
    source = Countries(made_up=True).at(NOW)
    assert [source.look(address) for address in ("192.0.2.7", "203.0.113.200", "2001:db8::1", "8.8.8.8")] == ["NL", "BR", "SE", "US"]
    assert "made-up" in source.name
    assert "made-up" in source.attribution


def test_from_calls_to_the_page(account: Any) -> None:
    world = World(account, START + timedelta(days=2))
    countries = Countries(made_up=True)
    world.ingest = Ingest(world.log, world.evidence, KEY, timedelta(hours=240), world.ingest._progress, countries=countries)
    world.play([world.call(f"192.0.2.{host}") for host in (1, 2, 2)] + [world.call("198.51.100.1", status=404), world.call("8.8.8.8")])
    world.evaluate()
    world.restart()  # a cold start evaluates nothing twice
    world.evaluate()
    tables = Tables(account)
    status, answer = page(tables, countries.at(world.now), {}, world.now)
    assert status == 200
    assert [(row["country"], row["calls"], row["addresses"], row["ok2xx"]) for row in answer["value"]] == [
        ("NL", 3, 2, 3),
        ("FR", 1, 1, 0),
        ("US", 1, 1, 1),
    ]
    assert (answer["countries"], answer["countriesAnswered"], answer["addresses"], answer["label"]) == (3, 2, 4, "registered in")
    used = usage(tables, {"month": f"{world.now:%Y-%m}"}, world.now)[1]
    assert (used["countries"], used["addresses"], used["addressesAtLeast"]) == (3, 4, False)
    country_days.strip(tables, (world.now + timedelta(days=9)).date())
    used = usage(tables, {"month": f"{world.now:%Y-%m}"}, world.now)[1]
    assert (used["countries"], used["addresses"], used["addressesAtLeast"]) == (3, 4, True)
    assert page(tables, countries.at(world.now), {"service": "contoso"}, world.now)[1]["calls"] == 5
    assert page(tables, countries.at(world.now), {"service": "other' or 1"}, world.now)[1]["value"] == []
    assert page(tables, countries.at(world.now), {"to": "2026-10-01", "from": "2026-09-20"}, world.now)[1]["calls"] == 0
    for wrong in ({"from": "x"}, {"to": "2026-13-01"}, {"from": "2026-11-05", "to": "2026-11-01"}, {"from": "2020-01-01"}):
        assert page(tables, countries.at(world.now), wrong, world.now)[0] == 400


def test_registry_data_say_when_they_were_made_and_by_which_version() -> None:
    source = Countries().at(NOW)
    assert source.as_of is not None
    assert f"of {source.as_of:%Y-%m-%d} (iptocc " in source.name
    assert Countries().notices(source.as_of + timedelta(days=89)) == []
    assert Countries().notices(source.as_of + timedelta(days=91))[0].endswith("deploy a newer version")
