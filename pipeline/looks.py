"""Which calls of a batch are looked into: a sample of each shape, and whatever may be an attack, within budgets."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from attacks.suspects import attack_shaped, suspicious
from classifiers.bodies import with_documents
from model import ApiCall
from pipeline.contents import OVERLOOKED, Look, Sampler, attacked, drawn, look, parts

if TYPE_CHECKING:  # compiling the types takes a while, and only looking needs them
    from classifiers.taxonomy import Taxonomy

LOOKS_PER_BATCH = 250
"""Calls of one batch that are looked into at most: some tens of milliseconds."""
SUSPECTS_PER_BATCH = 250
"""Calls of one batch that are looked into for attacks alone, at most. Which ones is drawn by lot where there are more, and how many were not is counted."""
NEVER_IN_URLS = frozenset({"secret", "secret_azure", "national_id_eu", "national_id_other", "tax_id_eu"})
"""Families of information types whose presence in a URL is a finding by itself: addresses end up in logs."""


def look_by(taxonomy: "Taxonomy") -> Callable[[bytes], Look]:
    """What one message carries, by these information types."""
    never_in_urls = frozenset(type_.id for type_ in taxonomy.types if type_.family in NEVER_IN_URLS)

    def look_into(message: bytes) -> Look:
        carried = with_documents(parts(message))
        return look(carried, taxonomy.classify(carried), never_in_urls)

    return look_into


class Looks:
    """Remembers which shapes of calls it has seen enough of."""

    def __init__(self, look_into: Callable[[bytes], Look], key: bytes) -> None:
        """`key`, up to 64 bytes: by it lots are drawn, so that nobody outside can tell which calls will be overlooked."""
        self._look, self._key = look_into, key
        self._sampler = Sampler()

    def of(self, calls: Sequence[ApiCall], messages: Sequence[bytes], sent: Sequence[bool] | None = None) -> dict[int, Look]:
        """What looking into the calls that are worth it shows, by index. `sent`: which may hold what the caller sent outside the URL."""
        found: dict[int, Look] = {}
        looks, suspects = 0, []
        for at, shape in enumerate(self._sampler.shapes(calls)):
            if self._sampler.is_due(shape) and looks < LOOKS_PER_BATCH:
                looks += 1
                found[at] = seen = self._look(messages[at])
                shape.saw({(name, place) for name, place, _ in seen.found})
            elif (sent is None or sent[at]) and suspicious(messages[at]):
                suspects.append(at)
        worth = suspects
        if len(suspects) > SUSPECTS_PER_BATCH:
            seed = blake2b(messages[0] + messages[-1], key=self._key, digest_size=8).digest()
            shaped = {at for at in suspects if attack_shaped(messages[at])}
            worth = drawn(suspects, [calls[at].client_ip for at in suspects], shaped, seed, SUSPECTS_PER_BATCH)
            found.update(dict.fromkeys(set(suspects).difference(worth), OVERLOOKED))
        for at in worth:
            if attack := attacked(messages[at]):
                found[at] = attack
        return found
