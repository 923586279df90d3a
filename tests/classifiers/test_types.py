"""Every information type that discovery finds proves itself: its examples are found, its counterexamples are not, by both engines."""

import json
import random
import re
import string
from itertools import combinations

import pytest

from classifiers.information_type import POSSIBLE, Evidence, InformationType
from classifiers.taxonomy import Found, Taxonomy, discover
from classifiers.text_values import Part

TYPES = discover()
FAST = Taxonomy()
PLAIN = Taxonomy(plain=True)

LISTED = (
    "credit_card iban aba_routing swift_code crypto_wallet eu_vat us_ssn us_itin us_mbi gb_nino gb_nhs gb_utr ca_sin ch_ahv no_fnr tr_tckn in_aadhaar in_pan "
    "br_cpf br_cnpj za_id au_tfn au_medicare nz_ird jp_my_number kr_rrn sg_nric il_id mx_curp ar_dni cl_run passport driver_license email phone ip_address "
    "mac_address imei postal_address person_name date_of_birth geo_position icd10 us_npi us_dea azure_storage_key azure_sas_token "
    "azure_sql_connection_string azure_cosmosdb_key azure_shared_access_key azure_entra_client_secret azure_entra_token azure_devops_pat azure_search_key "
    "azure_function_key azure_acr_key azure_batch_key azure_redis_key azure_eventgrid_key azure_signalr_key azure_maps_key azure_ml_key azure_bot_secret "
    "azure_cognitive_key azure_app_service_password databricks_token azure_publish_settings aspnet_machine_key azure_apim_subscription_key azure_openai_key "
    "aws_access_key_id aws_secret_access_key github_token gitlab_token slack_token slack_webhook stripe_key google_api_key google_oauth_client_secret "
    "openai_key anthropic_key npm_token pypi_token sendgrid_key huggingface_token digitalocean_token shopify_token telegram_token twilio_key "
    "discord_webhook jwt private_key db_uri_password basic_auth_url http_basic_auth password generic_secret"
)
MEMBERS = "at be bg cy cz de dk ee es fi fr gr hr hu ie it lt lu lv mt nl pl pt ro se si sk"
ALSO_DEFENDER = "tax_id.at tax_id.de tax_id.es tax_id.fr tax_id.mt tax_id.pl tax_id.pt tax_id.si social_security.es social_security.hu"


def look(taxonomy: Taxonomy, key: str, text: str) -> list[Found]:
    return taxonomy.classify([Part("response.body", None, "application/json", json.dumps({key: text}))])


def test_every_listed_type_is_there() -> None:
    wanted = {*LISTED.split(), *(f"national_id.{code}" for code in MEMBERS.split()), *ALSO_DEFENDER.split()}
    assert wanted <= {kind.id for kind in TYPES}
    assert len(TYPES) >= 130


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.id)
def test_a_type_brings_its_proof(kind: InformationType) -> None:
    assert len(kind.examples) >= 2
    assert len(kind.counterexamples) >= 2
    assert kind.words
    assert re.compile(kind.pattern).match("") is None or not kind.pattern


@pytest.mark.parametrize("taxonomy", [FAST, PLAIN], ids=["hyperscan", "plain"])
@pytest.mark.parametrize(
    ("kind", "example"), [(k, e) for k in TYPES for e in k.examples], ids=lambda x: x.id if isinstance(x, InformationType) else x[0][:20]
)
def test_examples_are_found(kind: InformationType, example: tuple[str, str], taxonomy: Taxonomy) -> None:
    found = [f for f in look(taxonomy, *example) if f.type == kind.id]
    assert found
    assert (found[0].confidence == "low") is (kind.grades is POSSIBLE)


@pytest.mark.parametrize("taxonomy", [FAST, PLAIN], ids=["hyperscan", "plain"])
@pytest.mark.parametrize(
    ("kind", "example"),
    [(k, e) for k in TYPES for e in k.counterexamples],
    ids=lambda x: x.id if isinstance(x, InformationType) else x[0][:20],
)
def test_counterexamples_are_not_claimed(kind: InformationType, example: tuple[str, str], taxonomy: Taxonomy) -> None:
    allowed = {"low"} if kind.grades is not POSSIBLE else set()
    assert {f.confidence for f in look(taxonomy, *example) if f.type == kind.id} <= allowed


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.id)
def test_grades_do_not_rise_as_evidence_falls(kind: InformationType) -> None:
    order = {None: 0, "low": 1, "medium": 2, "high": 3}
    for stronger, weaker in combinations(sorted(Evidence, reverse=True), 2):
        if Evidence.VAGUE in (stronger, weaker) and not kind.vague:
            continue
        assert order[kind.grades.of(stronger)] >= order[kind.grades.of(weaker)]


CHECKED_NUMBERS = [
    k
    for k in TYPES
    if k.check and k.rarity < 0.15 and k.family.startswith(("national_id", "tax_id")) and not k.id.endswith((".it", ".pt", ".es", ".mt"))
]


@pytest.mark.parametrize("kind", CHECKED_NUMBERS, ids=lambda kind: kind.id)
def test_rarity_is_what_chance_gives(kind: InformationType) -> None:
    """The share of random text of an example's form that passes the check; the arbitration between countries rests on it."""
    assert kind.check is not None
    draw = random.Random(7)
    _, example = kind.examples[0]
    form = re.compile(kind.pattern)
    tries, passed = 12_000 if kind.rarity < 0.01 else 3_000, 0
    for _ in range(tries):
        text = "".join(
            draw.choice(string.digits) if c.isdecimal() else draw.choice(string.ascii_uppercase) if c.isupper() else c for c in example
        )
        passed += bool(form.fullmatch(text)) and kind.check(text) and (kind.plausible is None or kind.plausible(text))
    # three standard deviations, and a factor of two and a half: the order is what counts
    assert kind.rarity / 2.5 - 3 * (kind.rarity / tries) ** 0.5 <= passed / tries <= kind.rarity * 2.5 + 3 * (kind.rarity / tries) ** 0.5
