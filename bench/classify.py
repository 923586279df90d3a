"""Speed of the classifier beside Presidio in the same process: `python -m bench.classify EVENTS [--json FILE]`; CPU time, one core.

Presidio has every predefined pattern recogniser and a blank pipeline (no language model): its fastest complete form. It is in
bench/requirements.txt, which nothing else needs; without it the other figures are measured all the same.
"""

import argparse
import gzip
import importlib.util
import inspect
import json
import logging
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from classifiers.taxonomy import Taxonomy
from classifiers.text_values import Part
from pipeline.contents import parts

ROUNDS = 5


def cpu(work: Callable[[], object]) -> float:
    """Seconds of CPU time of one run."""
    start = time.process_time()
    work()
    return time.process_time() - start


def best(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    return min(cpu(work) for _ in range(rounds))


def presidio() -> Callable[[str], object]:
    """Presidio's analyser with every pattern recogniser that it brings. Raises ImportError where it is not installed."""
    logging.disable(logging.CRITICAL)  # one of its recognisers asks the network for a list of top-level domains and logs that it may not
    import presidio_analyzer.predefined_recognizers as predefined
    import spacy
    from presidio_analyzer import AnalyzerEngine, PatternRecognizer, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    class Blank(SpacyNlpEngine):  # type: ignore[misc,unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.nlp = {"en": spacy.blank("en")}  # type: ignore[assignment,unused-ignore]

        def load(self) -> None:
            pass

        def is_loaded(self) -> bool:
            return True

    registry = RecognizerRegistry()
    for _, kind in inspect.getmembers(predefined, inspect.isclass):
        if issubclass(kind, PatternRecognizer):
            try:
                registry.add_recognizer(kind(supported_language="en"))  # type: ignore[call-arg,unused-ignore]
            except TypeError:
                continue
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=["en"])

    def analyse(text: str) -> object:
        return analyzer.analyze(text=text, language="en")

    return analyse


def cold_start(taxonomy: Taxonomy) -> float:
    """CPU seconds of a fresh interpreter from its first import of the classifier to its first verdict, the compiled shapes at hand."""
    content = taxonomy.serialise()
    if content is None:
        return float("nan")
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "shapes"
        kept.write_bytes(content)
        program = (
            "import time, sys; a = time.process_time(); from classifiers.taxonomy import Taxonomy; from classifiers.text_values import Part; "
            f"t = Taxonomy(database=lambda _: open({str(kept)!r}, 'rb').read()); "
            "t.classify([Part('request.body', None, 'application/json', '{\"iban\": \"GB82WEST12345698765432\"}')]); print(t.recompiled, time.process_time() - a)"
        )
        runs = [
            subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split() for _ in range(3)
        ]
    assert all(recompiled == "False" for recompiled, _ in runs)
    return min(float(seconds) for _, seconds in runs)


def measure(messages: list[bytes]) -> dict[str, float]:
    """Every figure of the bench, by name with its unit."""
    taxonomy = Taxonomy()
    calls: list[list[Part]] = [parts(message) for message in messages]
    texts = ["\n".join(str(part.text) for part in call if part.where.endswith("body")) for call in calls]
    taxonomy.examine_many(calls)  # learns the keys: a running instance knows its endpoints
    together = best(lambda: taxonomy.examine_many(calls)) / len(calls)
    alone = best(lambda: [taxonomy.examine(call) for call in calls]) / len(calls)
    each = [(best(lambda call=call: taxonomy.examine(call)), len(text)) for call, text in zip(calls, texts, strict=True)]  # type: ignore[misc]
    slowest = sorted(seconds for seconds, _ in each)
    usual = sorted(seconds for seconds, size in each if size <= 2_800)
    characters = statistics.fmean(map(len, texts))
    result = {
        "events/s": 1 / together,
        "events/s, one by one": 1 / alone,
        "MB/s of body": characters / together / 1e6,
        "body characters/event": characters,
        "p50 ms": slowest[len(slowest) // 2] * 1e3,
        "p99 ms, bodies up to 2.8 KB": usual[int(len(usual) * 0.99)] * 1e3 if usual else float("nan"),
        "p99 ms, all": slowest[int(len(slowest) * 0.99)] * 1e3,
        "cold start ms": cold_start(taxonomy) * 1e3,
        "compile ms": best(Taxonomy, 2) * 1e3,
    }
    plain = Taxonomy(plain=True)
    few = calls[:40]
    result["events/s without hyperscan"] = len(few) / best(lambda: plain.examine_many(few), 2)
    if importlib.util.find_spec("presidio_analyzer") is None:
        print("Presidio is missing, so nothing is compared with it: python -m pip install -r bench/requirements.txt", file=sys.stderr)
        return result
    analyse = presidio()
    # in turns, so that what else the machine does falls on both; each at its best
    theirs: list[float] = []
    ours: list[float] = []
    for _ in range(ROUNDS):
        theirs.append(cpu(lambda: [analyse(text) for text in texts[:40]]))
        ours.extend(cpu(lambda: taxonomy.examine_many(few)) for _ in range(5))
    result |= {"Presidio events/s": len(few) / min(theirs), "times Presidio": min(theirs) / min(ours)}
    return result


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.classify", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("events", help="events of the contract, JSON Lines, plain or gzip")
    parser.add_argument("--limit", type=int, default=400, help="use that many events")
    parser.add_argument("--json", metavar="FILE", help="write the figures")
    args = parser.parse_args(arguments)
    opener: Any = gzip.open if args.events.endswith(".gz") else open
    with opener(args.events, "rb") as lines:
        result = measure(list(islice(lines, args.limit)))
    for name, value in result.items():
        print(f"{name:32s} {value:12,.2f}")
    if args.json:
        Path(args.json).write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
