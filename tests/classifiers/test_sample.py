"""Quality on the labelled sample, and silence on innocent traffic; both lie beside the repository and are skipped where they do not."""

import gzip
import json
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from classifiers.taxonomy import Taxonomy
from pipeline.contents import parts
from tools.classify import main

SHARED = Path(__file__).parents[3] / "shared"
PAYLOADS = SHARED / "data" / "payloads"
TRAFFIC = SHARED / "data" / "traffic" / "events-101.jsonl.gz"
needs_payloads = pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the labelled sample is not beside the repository")


@needs_payloads
def test_quality_on_the_labelled_sample(tmp_path: Path) -> None:
    out = tmp_path / "findings.jsonl"
    assert main([str(PAYLOADS / "events.jsonl.gz"), "--out", str(out)]) == 0
    score = json.loads(
        subprocess.run(
            [sys.executable, str(SHARED / "tools" / "score_classify.py"), str(PAYLOADS / "labels.jsonl"), str(out), "--json"],
            check=True,
            capture_output=True,
        ).stdout
    )
    assert score["micro"]["f1"] >= 0.97
    assert score["micro"]["precision"] >= 0.98
    assert score["macro_f1"] >= 0.96
    assert score["recall_by_context"]["strong"] >= 0.98
    for family, floor in (("financial", 0.97), ("national_id", 0.97), ("secret", 0.97)):
        assert score["family"][family]["f1"] >= floor


@needs_payloads
def test_both_engines_agree_on_the_sample() -> None:
    fast, plain = Taxonomy(), Taxonomy(plain=True)
    with gzip.open(PAYLOADS / "events.jsonl.gz") as lines:
        for line in islice(lines, 60):
            carried = parts(line)
            assert carried
            assert sorted(fast.classify(carried)) == sorted(plain.classify(carried))


@pytest.mark.skipif(not TRAFFIC.is_file(), reason="the labelled traffic is not beside the repository")
def test_silence_on_innocent_traffic() -> None:
    taxonomy = Taxonomy()
    with gzip.open(TRAFFIC) as lines:
        for line in islice(lines, 20_000):
            carried = parts(line)
            assert carried
            claimed = [(f.type, f.where, f.path) for f in taxonomy.classify(carried) if f.confidence != "low"]
            assert claimed == [], json.loads(line)["requestId"]
