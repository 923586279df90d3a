"""Writes docs/privacy.md from the retention policy and what was measured: `python -m tools.document_privacy [--check]`."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from adapters.dsr import LARGEST_ANSWER, WORKERS
from adapters.tombstones import LASTS, SETTLED
from alerts.request_body import LARGEST_REQUEST
from retention.policy import BY_ID, EARLY, HOUR, POLICY, Place, span
from retention.residency import UNSEEN
from retention.subject import PREFIXES
from tools.generated import command
from tools.privacy import ADDRESSES, CALLS, CALLS_PER_COUNT, MEASURED, SAMPLE_BATCHES

TARGET = Path(__file__).parent.parent / "docs" / "privacy.md"

HEAD = """# Personal data

Generated from `retention/policy.py` and `tools/privacy_measured.json` by `python -m tools.document_privacy`; a test checks that it is current.

Addresses are gone after 30 days, the beginnings of bodies after 48 hours, everywhere. `GET /api/privacy` and `python -m tools.privacy report` show what each place
holds now and what the last purge removed; `python -m tools.privacy prove` repeats the proof on your machine, in about ten minutes.
"""

PURGE = f"""## How it goes

`purge` runs every hour and removes what falls due within {span(EARLY)}, so one run may fail without a promise being broken. A day's table is dropped whole, whatever its size; its name is never
used again, and nothing is written into it when its end is near. Batches that nobody has evaluated get one hour's grace. A run that is out of time, or killed, is completed by the next.
Whatever is found after its deadline is an alert (*Gatewatch_RetentionBreach*) and turns health red; every run leaves a record of what it removed, how much of it was late and how long it took.
What the role of the app does not let it see is listed under `notSeen`, neither as well nor as broken.
"""


LEAVES = f"""## What leaves

Alerts, with the accused address or identity, go to the hub `alerts` and, if its owner names one, to a webhook ([alerts.md](alerts.md)): whoever reads there has them, and is who can delete them. A message
is made when it is sent, of the alert as it is by then: an actor who was erased, or pseudonymised after {span(BY_ID["alerts"].longest or HOUR)}, is not sent any more. What was sent before cannot be called back.
"""


def requests() -> str:
    return f"""## One person

| request | body | answer |
|---|---|---|
| `POST /api/dsr/export` | `{{"subject": {{"ip": "203.0.113.7"}}}}` | 200 with everything held; above {LARGEST_ANSWER >> 20} MiB 202, and `GET` of its `status` has it for a day |
| `POST /api/dsr/delete` | the same | 202 with an id |
| `GET /api/dsr/{{id}}` | | stage, what was erased in each place, what the last search found |

The subject is exactly one of {", ".join(f"`{kind}`" for kind in PREFIXES)}. An address may be in any spelling; a range is refused (it is more than one person), so is a name, a second key, more
than {LARGEST_REQUEST >> 10} KiB, and anything that is not this form: 4xx, recorded. All need the master key; without it the platform answers 401 before Gatewatch is asked, so that is recorded by the
platform only. A record says who, when, kind, a keyed hash of the person and the outcome. Who: "admin key", and the name that App Service authentication gives, where it is on.

An erasure first lays a tombstone, a keyed hash, by which ingest and evaluation recognise what is still in flight for {span(LASTS)}: such events are counted without the person. Then every place is
cleaned; {SETTLED.seconds // 60} minutes later, when nothing can be under way that does not know of the tombstone, every place is searched again, and cleaned again until a search finds nothing. Whoever
asks for the status, and every purge, goes on with it; killed anywhere, it is completed. Counts, windows and baselines do not change: the person's calls are counted as nobody's.
A window of 20 minutes, or a day of regular callers, in which the erasure falls is erased whole.

A hub cannot delete single events: the answer names the time when they are gone. A legal hold (`LEGAL_HOLD`, a last day and a reason) keeps alerts, and only those, as they are until it ends; the
answer says so, the erasure waits and is completed then, and the thirty days still hold. Until it is done the record holds the person encrypted, with a key that lies in the other account.
"""


def document(measured: Mapping[str, float]) -> str:
    personal = [place for place in POLICY if place.personal]
    other = [place for place in POLICY if not place.personal]
    return "\n".join(
        [
            HEAD,
            "| place | holds | until | counted from | shorter by | what removes it | an erasure |",
            "|---|---|---|---|---|---|---|",
            *map(_row, personal),
            "",
            "What each is for, and why it is kept no longer:",
            "",
            *(f"- {_name(place)} ({place.purpose}): {place.reason}" for place in personal),
            "",
            "Without personal data:",
            "",
            "| place | holds | until |",
            "|---|---|---|",
            *(f"| {_name(place)} | {place.holds} | {span(place.longest) if place.longest else '–'} |" for place in other),
            "",
            PURGE,
            requests(),
            LEAVES,
            _speed(measured),
            RESIDENCY,
            PROOF,
        ]
    )


def _name(place: Place) -> str:
    return f"{place.kind} `{place.name}`"


def _row(place: Place) -> str:
    assert place.longest is not None
    shorter = f"`{place.setting.name}`, in {place.setting.unit}, from {place.setting.shortest}" if place.setting else "–"
    return f"| {_name(place)} | {place.holds} | {span(place.longest)} | {place.since} | {shorter} | {place.mechanism} | {place.erasure} |"


def _speed(found: Mapping[str, float]) -> str:
    batches = found["batchSearchMilliseconds"] * found["batchesHeld"] / 1000
    processor = found["batchSearchProcessorMilliseconds"] * found["batchesHeld"] / 1000
    return f"""## How fast

For {ADDRESSES:,} addresses and {CALLS:,} calls in four weeks, {CALLS_PER_COUNT} calls to a count, on two cores with the storage emulator (`python -m tools.privacy measure`).

| | |
|---|---|
| ledger of 30 days | {found["ledgerGigabytes"]} GB packed, extrapolated from one of 64 buckets at full size |
| look-up of one address in it, one bucket of 30 days read at full size | **{found["lookUpSeconds"]} s**, {found["lookUpProcessorSeconds"]} s of processor |
| erasure in it, {found["rowsRewritten"]:.0f} rows rewritten, that search included | **{found["eraseSeconds"]} s** |
| search of one batch row, measured over {SAMPLE_BATCHES} of a thousand callers each | {found["batchSearchMilliseconds"]} ms, {found["batchSearchProcessorMilliseconds"]} ms of processor |
| extrapolated to the {found["batchesHeld"]:,.0f} rows of two days | {batches:.1f} s one partition after another; {processor:.1f} s of processor is the least, as partitions are read {WORKERS} at a time |
| dropping a day | the same requests for 1 row and for 2,000 (a test counts them) |

So at this size an export is estimated at {found["lookUpSeconds"] + max(processor, batches / WORKERS):.1f} s and the first pass of an erasure at {found["eraseSeconds"] + max(processor, batches / WORKERS):.1f} s: an
extrapolation, not yet measured in Azure. Quarantine is read whole, {WORKERS} of its hours at a time: many thousand rejected batches take longer. What does not fit into an answer's
time goes on in the background.
"""


RESIDENCY = "\n".join(
    [
        "## Where it is",
        "",
        "In one region. With `GEOGRAPHY` set the app does not start where its own region, or the name of a storage account or hub, says another geography or cloud; the deployment",
        "refuses the region before that, and any storage that copies elsewhere. What this cannot see:",
        "",
        *(f"- {text}" for text in UNSEEN),
        "",
    ]
)

PROOF = """## Proven by

| | test |
|---|---|
| after every hour of 31 days a raw dump of all tables and blobs holds no address and no body past its promise, in any spelling | `tests/adapters/test_purge.py`, `…31_days…` |
| one of 10,000 addresses, erased under live ingest, is in no raw dump; all others and all counts stay | `tests/adapters/test_erase.py`, `…ten_thousand…` |
| killed at random requests, before or after the service acted, purge and erasure complete: never more, never less | both, `…killed_anywhere…` (a thousand kills in `prove`, two hundred in CI) |
| windows, days, baselines and endpoints are byte by byte the same when every caller is another person | `test_erase.py`, `…whoever_called` |
| no table or container without a promise | `test_purge.py`, `…has_a_promise` |
| no address, body, token or parameter value in a log record, span or exception | `tests/adapters/test_telemetry.py` |
| bad requests are refused, recorded and not repeated | `tests/web/test_dsr.py` |

Weak: windows keep keyed 32-bit hashes of parameter values for 13 months, so whoever has the key can test a guess. The emulator knows no soft delete and no versions; what a listing
would say of them is tested on made-up listings. Nothing here has run in Azure yet: see verify-on-azure.md, part G.
"""


def measured() -> dict[str, float]:
    found: dict[str, float] = json.loads(MEASURED.read_text("utf-8"))
    return found


def main(arguments: list[str] | None = None) -> int:
    return command("tools.document_privacy", TARGET, document(measured()), arguments)


if __name__ == "__main__":
    sys.exit(main())
