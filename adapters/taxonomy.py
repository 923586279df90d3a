"""The information types of this deployment: the built-in ones, less those that are switched off, and a tenant's own; compiled once for all instances.

In the container `configuration` of the evidence account: `information-types.yaml` (or JSON) holds own types, in the form that
`python -m tools.classify --types` takes and proves; `information-types-off.txt` the ids of built-in types to switch off, one a line.
"""

import logging

from azure.core.exceptions import AzureError, ResourceNotFoundError

from adapters.evidence import CONFIGURATION, Evidence
from classifiers.custom import CustomTypeError, load
from classifiers.information_type import InformationType
from classifiers.taxonomy import Taxonomy, discover

log = logging.getLogger("gatewatch.taxonomy")

OWN = "information-types.yaml"
OFF = "information-types-off.txt"


def stored(evidence: Evidence) -> Taxonomy:
    """A taxonomy from what is kept, or compiled and kept. The engine refuses what another version or processor compiled, and it is compiled anew.

    Own types that are refused are all left out, with an error in the log that names the type and the reason: looking must go on.
    """
    known = frozenset(kind.id for kind in discover())
    taxonomy = Taxonomy(
        custom=_own(evidence, known), disabled=_off(evidence, known), database=lambda fingerprint: _get(evidence, f"taxonomy/{fingerprint}")
    )
    compiled = taxonomy.serialise() if taxonomy.recompiled else None
    if compiled is not None:
        try:
            evidence.put(CONFIGURATION, f"taxonomy/{taxonomy.fingerprint}", compiled)
        except AzureError as error:
            log.warning("what was compiled could not be kept (%s): the next instance compiles again", type(error).__name__)
    return taxonomy


def _own(evidence: Evidence, known: frozenset[str]) -> tuple[InformationType, ...]:
    content = _get(evidence, OWN)
    if content is None:
        return ()
    try:
        return load(content.decode("utf-8-sig"), known)
    except (CustomTypeError, UnicodeDecodeError) as error:
        reason = error if isinstance(error, CustomTypeError) else "the file is not UTF-8"
        log.error("%s/%s is refused and no type of it is in force: %s", CONFIGURATION, OWN, reason)
        return ()


def _off(evidence: Evidence, known: frozenset[str]) -> frozenset[str]:
    lines = (_get(evidence, OFF) or b"").decode(errors="replace").splitlines()
    wanted = {id for line in lines if (id := line.partition("#")[0].strip())}
    for id in sorted(wanted - known):
        log.error("%s/%s names %.64r, and no built-in information type is called that", CONFIGURATION, OFF, id)
    return frozenset(wanted & known)


def _get(evidence: Evidence, name: str) -> bytes | None:
    try:
        return evidence.get(CONFIGURATION, name)
    except ResourceNotFoundError:
        return None
