"""What the triggers share in one process: clients, built on first use from the settings."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from adapters.made_once import made_once
from settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from adapters.alert_index import AlertIndex
    from adapters.batches import BatchLog
    from adapters.countries import Countries
    from adapters.deliver import Deliver
    from adapters.dsr import Requests
    from adapters.estate import EstateSource
    from adapters.evaluate import Evaluator
    from adapters.evidence import Evidence
    from adapters.footprint import Footprints
    from adapters.ingest import Ingest
    from adapters.inventory_index import InventoryIndex
    from adapters.lead import LeadEvaluator
    from adapters.posture import Posture
    from adapters.probe import Probe
    from adapters.purge import Purge
    from adapters.responses import Responses
    from adapters.shard import ShardEvaluator
    from adapters.sources import Sources
    from adapters.tables import Tables
    from adapters.tombstones import TombstoneStore
    from adapters.watch import Watch
    from pipeline.contents import Look
    from posture.snapshot import Snapshot
    from response.rails import Networks


class App:
    """Each trigger imports only what it uses: the storage SDKs cost more than the app itself at a cold start. Several threads may ask at once, from the
    first call on."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @made_once
    def tables(self) -> "Tables":
        from adapters.tables import Tables

        return Tables(self.settings.state)

    @made_once
    def batches(self) -> "BatchLog":
        from adapters.batches import BatchLog

        return BatchLog(self.tables)

    @made_once
    def evidence(self) -> "Evidence":
        from adapters.evidence import Evidence

        return Evidence(self.settings.evidence)

    @made_once
    def hash_key(self) -> bytes:
        return self.settings.hash_key or self.evidence.hash_key()

    @made_once
    def countries(self) -> "Countries":
        from adapters.countries import Countries

        settings = self.settings
        return Countries(settings.country_database, settings.country_attribution, self.evidence, settings.is_local)

    @made_once
    def guard_secret(self) -> str:
        """Key of the hashes in the guard's list, "" where addresses stand there in plain. Another key than everything else's: the gateway knows it."""
        from hashlib import blake2b

        return blake2b(b"guard", key=self.hash_key, digest_size=24).hexdigest() if self.settings.response_hashed else ""

    @made_once
    def responses(self) -> "Responses":
        from adapters.responses import Responses

        settings, guard = self.settings, None
        if settings.response_client_id and settings.gateway:
            from adapters.guard_list import Address, GuardList, connect

            address = Address.parse(settings.gateway)
            guard = GuardList(connect(address, settings.response_client_id, settings.resource_manager), address)
        return Responses(self.tables, guard, settings.response_rails, self.guard_secret, may_suspend=settings.response_subscriptions)

    @made_once
    def footprints(self) -> "Footprints":
        from adapters.footprint import Footprints

        return Footprints(self.tables, self.batches, self.hash_key)

    @made_once
    def response_networks(self) -> "Networks":
        from intel.addresses import network
        from response.rails import Networks

        settings = self.settings
        return Networks(tuple(map(network, settings.trusted_proxies)), tuple(map(network, settings.response_spared)))

    @made_once
    def ingest(self) -> "Ingest":
        from adapters import intel
        from adapters.batches import Tail
        from adapters.ingest import Ingest
        from adapters.progress import read_progress
        from intel.addresses import TrustedProxies

        return Ingest(
            self.batches,
            self.evidence,
            self.hash_key,
            timedelta(hours=self.settings.max_event_age_hours),
            lambda partition: read_progress(self.tables).tails.get(partition, Tail(-1, None)),
            self.tombstones,
            self.settings.kept,
            self.look,
            TrustedProxies.parse(self.settings.trusted_proxies) if self.settings.trusted_proxies else None,
            intel.reloaded(self.evidence),
            self.countries,
        )

    @made_once
    def look(self) -> "Callable[[bytes], Look]":
        """Looks into one message. Compiling the information types takes a second, so what was compiled is kept in the evidence account."""
        from adapters.taxonomy import stored
        from pipeline.looks import look_by

        return look_by(stored(self.evidence))

    @made_once
    def tombstones(self) -> "TombstoneStore":
        from adapters.tombstones import TombstoneStore

        return TombstoneStore(self.tables, self.hash_key)

    @made_once
    def alert_index(self) -> "AlertIndex":
        from adapters.alert_index import AlertIndex

        return AlertIndex(self.tables)

    @made_once
    def estate(self) -> "EstateSource":
        from adapters.estate import EstateSource

        return EstateSource(self.tables, self.evidence, self.snapshots, self._snapshot_stamp)

    def _snapshot_stamp(self) -> object:
        from adapters.snapshots import stamp

        return stamp(self.evidence)

    def snapshots(self) -> "Iterable[Snapshot]":
        """Of the configuration of each gateway that is read."""
        from adapters.snapshots import published

        return published(self.evidence)

    @made_once
    def inventory_index(self) -> "InventoryIndex":
        from adapters.inventory_index import InventoryIndex

        return InventoryIndex(self.tables, self.estate, self.alert_index)

    @made_once
    def purge(self) -> "Purge":
        from adapters.purge import Purge

        return Purge(self.tables, self.batches, self.evidence, self.hash_key, self.settings.kept)

    def hub_retention(self) -> "Iterable[str]":
        from adapters.hub_retention import check

        return check(self.settings.hub, self.settings.event_hub, self.settings.kept, datetime.now(UTC))

    @made_once
    def requests(self) -> "Requests":
        from adapters.dsr import Hold, Requests

        hold = Hold(*self.settings.legal_hold) if self.settings.legal_hold else None
        return Requests(self.tables, self.batches, self.evidence, self.hash_key, self.settings.kept, hold, self.responses)

    @made_once
    def sources(self) -> "Sources":
        from adapters import overrides
        from adapters.drift_step import DriftStep
        from adapters.sources import Sources

        return Sources(
            self.tables,
            self.batches,
            self.hash_key,
            self.settings.window_close_minutes,
            self.tombstones,
            self.settings.kept,
            overrides.reloaded(self.evidence).at,
            DriftStep(self.tables, self.estate),
        )

    @made_once
    def evaluator(self) -> "Evaluator | LeadEvaluator":
        """The whole evaluation, or the lead of one in shards."""
        from adapters.division import evaluator

        return evaluator(self.sources, self.settings.evaluate_shards)

    @made_once
    def shards(self) -> "Sequence[ShardEvaluator]":
        """The parts of an evaluation in shards. A process on Azure runs one of them, and the others stay empty."""
        from adapters.shard import ShardEvaluator
        from pipeline.share import Share

        number = self.settings.evaluate_shards
        return [ShardEvaluator(Share(one, number), self.sources) for one in range(1, number + 1)]

    @made_once
    def watch(self) -> "Watch":
        from adapters.watch import Watch

        return Watch(self.settings, self.tables, self.batches)

    @made_once
    def deliver(self) -> "Deliver":
        from adapters.alert_hub import AlertHub
        from adapters.deliver import Deliver, Receiver
        from adapters.webhook import Webhook

        settings = self.settings
        receivers: dict[str, Receiver] = {
            "hub": AlertHub(settings.hub, settings.alert_hub),
            "webhook": Webhook(self.evidence, settings.webhook_networks),
        }
        return Deliver(
            self.tables,
            receivers,
            settings.alert_formats,
            settings.gateway,
            settings.site,
            lambda actor: self.countries.at(datetime.now(UTC)).of_actor(actor),
        )

    @made_once
    def posture(self) -> "Posture":
        from adapters.posture import Posture, Reach

        settings = self.settings
        return Posture(
            self.tables, self.evidence, Reach(settings.posture, settings.resource_manager, settings.client_id), key=self.hash_key
        )

    @made_once
    def probe(self) -> "Probe":
        """Asks with clients of its own, which give up soon. As fresh as the evaluation that it reports on."""
        from adapters.batches import BatchLog
        from adapters.evidence import Evidence
        from adapters.health import check
        from adapters.patience import PROBE
        from adapters.probe import FRESH, Probe
        from adapters.tables import Tables

        settings = self.settings
        tables, evidence = Tables(settings.state, PROBE), Evidence(settings.evidence, PROBE)
        batches = BatchLog(tables)
        fresh = min(FRESH, timedelta(seconds=settings.evaluate_seconds / 2))
        return Probe(lambda now: check(settings, tables, batches, evidence, now, self.countries.notices), lambda: datetime.now(UTC), fresh)
