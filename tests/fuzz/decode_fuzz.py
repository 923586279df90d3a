"""Fuzzing the decoder of events: any bytes are a call of the contract or refused, in a sentence that quotes nothing, alone and in a batch alike."""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

with atheris.instrument_imports(include=["pipeline.decode"]):
    from pipeline.decode import Rejected, decode, decode_all
from model import ApiCall
from tests.fuzz.runner import run

OLDEST, NEWEST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
CALL = (
    b'{"v":1,"requestId":"r","time":"2026-11-24T10:10:03.127Z","service":"contoso","region":"West Europe","gateway":"managed","apiId":"orders","apiRevision":"1",'
    b'"operationId":"get-order","urlTemplate":"/orders/{id}","method":"GET","scheme":"https","host":"api.contoso.com","path":"/shop/orders/1042","query":"a=b",'
    b'"pathParameters":{"id":"1042"},"clientIp":"203.0.113.7","userAgent":"okhttp/4","subscriptionId":"app","productId":"retail","identity":"9f1c",'
    b'"auth":["subscription-key","jwt"],"status":200,"durationMs":12.4,"requestBytes":0,"responseBytes":512,"responseContentType":"application/json","responseBody":"{}"}'
)
SEEDS = [CALL, CALL[:200], CALL.replace(b"200", b"1e400"), CALL.replace(b'"a=b"', b'"\\ud800"'), b"[" * 900, b"null", b'{"v":1,"v":2}', b""]
SENTENCE = re.compile(r"[A-Za-z_ ,.'()0-9:-]{3,120}")


def fields(call: ApiCall) -> list[object]:
    """A call of a batch is of a type of its own, which knows more of its message."""
    return [getattr(call, name) for name in ApiCall.__struct_fields__]


def one_input(data: bytes) -> None:
    try:
        call = decode(data, OLDEST, NEWEST)
    except Rejected as refusal:
        call, said = None, str(refusal)
    else:
        said = "no refusal"
        assert call.time.tzinfo is not None
        assert OLDEST <= call.time <= NEWEST
        assert 99 < call.status < 1000
    assert SENTENCE.fullmatch(said), "what refuses a message quotes it"
    calls, messages, sent, refused = decode_all([data, CALL], OLDEST, NEWEST)
    alone = [fields(one) for one in (call, decode(CALL)) if one is not None]
    assert list(map(fields, calls)) == alone, "a batch reads a message otherwise, or a neighbour is lost"
    assert len(messages) == len(sent) == len(calls)
    assert refused == ([] if call is not None else [(0, said)])


if __name__ == "__main__":
    run("decode", one_input, SEEDS)
