"""Every label of the small sample, and silence on made-up traffic; with GATEWATCH_SAMPLES, quality on a large labelled sample."""

import gzip
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from classifiers.taxonomy import Taxonomy
from local import traffic
from pipeline.contents import parts
from tools.classify import main

SMALL = Path(__file__).parents[1] / "data" / "payloads.jsonl"
SAMPLES = Path(os.environ.get("GATEWATCH_SAMPLES", "samples"))
PAYLOADS = SAMPLES / "payloads"
TRAFFIC = SAMPLES / "traffic" / "events-101.jsonl.gz"
SCORER = SAMPLES.parent / "tools" / "score_classify.py"
needs_payloads = pytest.mark.skipif(not SCORER.is_file(), reason="GATEWATCH_SAMPLES names no folder with labelled payloads")


def test_every_label_of_the_small_sample_and_nothing_else() -> None:
    taxonomy = Taxonomy()
    for line in SMALL.read_text("utf-8").splitlines():
        sample = json.loads(line)
        claimed = {
            (found.type, found.where, found.path)
            for found in taxonomy.classify(parts(json.dumps(sample["event"]).encode()))
            if found.confidence != "low"
        }
        assert claimed == {(label["type"], label["where"], label["path"]) for label in sample["labels"]}, sample["event"]["requestId"]


def test_silence_on_made_up_traffic() -> None:
    taxonomy = Taxonomy()
    for event in islice(traffic.history(datetime(2026, 11, 24, 10, tzinfo=UTC), 2), 2_000):
        event = {
            name: value for name, value in event.items() if name != "responseBody"
        }  # bodies of the shop carry e-mail addresses on purpose
        claimed = [(f.type, f.where, f.path) for f in taxonomy.classify(parts(traffic.encode(event))) if f.confidence != "low"]
        assert claimed == []


@needs_payloads
def test_quality_on_the_labelled_sample(tmp_path: Path) -> None:
    out = tmp_path / "findings.jsonl"
    assert main([str(PAYLOADS / "events.jsonl.gz"), "--out", str(out)]) == 0
    score = json.loads(
        subprocess.run(
            [sys.executable, str(SCORER), str(PAYLOADS / "labels.jsonl"), str(out), "--json"],
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


@pytest.mark.skipif(not TRAFFIC.is_file(), reason="GATEWATCH_SAMPLES names no folder with labelled traffic")
def test_silence_on_innocent_traffic() -> None:
    taxonomy = Taxonomy()
    with gzip.open(TRAFFIC) as lines:
        for line in islice(lines, 20_000):
            carried = parts(line)
            assert carried
            claimed = [(f.type, f.where, f.path) for f in taxonomy.classify(carried) if f.confidence != "low"]
            assert claimed == [], json.loads(line)["requestId"]
