"""The scripts that fetch and map the public data: names masked, roles apart, families apart, bad input named."""

from __future__ import annotations

import csv
import gzip
import hashlib
import importlib.util
import io
import json
import sys
import urllib.error
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest
import yaml

from tamis.classifiers import splits

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
if str(SCRIPTS) not in sys.path:
    sys.path.append(str(SCRIPTS))

from bundles import corpora, held_out, public_sets, templates  # noqa: E402


@pytest.fixture(scope="module")
def fetch_data():
    loader = SourceFileLoader("fetch_data", str(SCRIPTS / "fetch_data"))
    spec = importlib.util.spec_from_loader("fetch_data", loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules["fetch_data"] = module
    loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("hi @somebody, look", "hi @user, look"),
        ("mail me: a.b@c.org now", "mail me: user@example.com now"),
        ("by /u/some-one and u/other_1", "by @user and @user"),
        ("[[User talk:Some Body|me]] said", "User:user said"),
        ("User:Somebody said", "User:user said"),
        ("at 5 @ noon", "at 5 @ noon"),
    ],
)
def test_names_are_masked(text, masked):
    assert public_sets.mask(text) == masked


@pytest.mark.parametrize("text", ["a 15 year old", "the teenager", "his daughter", "fifteen-year-old", "12 y/o"])
def test_minor_terms_are_found(text):
    assert public_sets.names_a_minor(text)


def test_a_sexual_example_that_names_a_minor_is_never_used(tmp_path):
    folder = tmp_path / "surge-profanity"
    folder.mkdir()
    rows = ["text,category_1,category_2,category_3,severity_rating,severity_description"]
    rows += [f"{term},sexual anatomy / sexual acts,,,2.5,Strong" for term in ("one term", "teen term")]
    (folder / "profanity_en.csv.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    assert [row["text"] for row in public_sets.rows("surge-profanity", tmp_path)] == ["one term"]


def test_silence_of_a_set_stays_unknown(tmp_path):
    folder = tmp_path / "edos"
    folder.mkdir()
    (folder / "edos_labelled_aggregated.csv").write_text(
        "rewire_id,text,label_sexist,label_category,label_vector,split\n1,a,sexist,1. threats,x,train\n"
        "2,b,not sexist,none,none,dev\n3,c,sexist,2. x,y,test\n"
    )
    found = list(public_sets.rows("edos", tmp_path))
    assert found == [
        {"text": "a", "hate": 1, "violence": 1, "source": "edos"},
        {"text": "b", "hate": 0, "source": "edos"},
    ]
    assert [row["text"] for row in held_out.rows("edos-test", tmp_path)] == ["c"]


def test_each_document_has_one_role():
    roles = [corpora.tenth(f"doc-{i}") for i in range(2000)]
    assert set(roles) == set(range(10))
    assert roles == [corpora.tenth(f"doc-{i}") for i in range(2000)]


def test_the_two_families_share_no_frame_and_every_section_has_both_classes():
    frames = templates.load()
    for section in frames["sections"].values():
        first, second = section["frames"][0::2], section["frames"][1::2]
        assert not set(first) & set(second)
    made = list(templates.rows("policy", 4000, {"slur": ["xx"], "lewd": ["yy"], "insult": ["zz"]}))
    assert made == list(templates.rows("policy", 4000, {"slur": ["xx"], "lewd": ["yy"], "insult": ["zz"]}))
    for category in ("sexual", "hate", "harassment", "violence", "self_harm"):
        assert {row.get(category) for row in made} >= {0, 1}
    assert not any("{" in str(row["text"]) for row in made)


def test_further_frames_are_of_one_family_and_stay_in_one_split():
    frames, shared = templates.further("policy"), templates.load()
    own = [frame for section in frames["sections"].values() for frame in section["frames"]]
    assert not set(own) & {frame for section in shared["sections"].values() for frame in section["frames"]}
    assert len(own) == len(set(own)) > 300
    made = list(templates.rows("policy", 6000, {}, frames=frames))
    assert {row["source"] for row in made} == {"templates-policy-further"}
    assert len({row["group"] for row in made}) > 0.95 * len(own)
    for category in ("sexual", "hate", "harassment", "violence", "self_harm"):
        assert 0 in {row.get(category) for row in made}
    suite = csv.DictReader((SCRIPTS.parent / "classifiers/data/functional_en.csv").read_text("utf-8").splitlines())
    tested = {splits.words(row["text"]) for row in suite}
    assert not tested & {splits.words(str(row["text"])) for row in made}


def test_a_frame_without_words_for_its_slot_is_left_out():
    made = templates.rows("policy", 2000, {})
    assert all("None" not in str(row["text"]) for row in made)


def test_benign_and_hateful_sentences_name_the_same_terms():
    made = list(templates.rows("policy", 20_000, {}))
    named = [{row["identity"] for row in made if row.get("hate") == value} - {""} for value in (0, 1)]
    assert named[0] == named[1]


class _Answer(io.BytesIO):
    def __init__(self, data, status=200):
        super().__init__(data)
        self.status = status


def _item(fetch_data, tmp_path, content=b"the content"):
    return fetch_data.Item("s", tmp_path / "f", "https://example.org/f", hashlib.sha256(content).hexdigest(), "")


def test_fetching_goes_on_where_it_stopped(fetch_data, tmp_path):
    asked = []

    def opener(request, timeout):
        asked.append(request.headers.get("Range"))
        return _Answer(b" content", 206)

    (tmp_path / "f.part").write_bytes(b"the")
    fetch_data.fetch(_item(fetch_data, tmp_path), opener)
    assert asked == ["bytes=3-"]
    assert (tmp_path / "f").read_bytes() == b"the content"


def test_a_wrong_digest_leaves_nothing_behind(fetch_data, tmp_path):
    with pytest.raises(SystemExit, match="expected"):
        fetch_data.fetch(_item(fetch_data, tmp_path), lambda request, timeout: _Answer(b"other"))
    assert list(tmp_path.iterdir()) == []


def test_offline_is_said_plainly(fetch_data, tmp_path):
    def opener(request, timeout):
        raise urllib.error.URLError("no route")

    with pytest.raises(SystemExit, match="needs a network"):
        fetch_data.fetch(_item(fetch_data, tmp_path), opener)


def test_the_list_names_every_set_and_pins_it(fetch_data):
    table = yaml.safe_load((SCRIPTS / "bundles" / "sources.yaml").read_text())
    assert set(public_sets.SETS) <= set(table)
    for entry in table.values():
        assert len(entry["commit"]) == 40
        assert all(len(file["sha256"]) == 64 and ("from" in file or entry["derived"]) for file in entry["files"])
    assert all(item.url or item.note for item in fetch_data.items(Path("data"), []))


def test_an_unknown_set_is_named(fetch_data):
    with pytest.raises(SystemExit, match="nonesuch: no such set"):
        list(fetch_data.items(Path("data"), ["nonesuch"]))


@pytest.mark.parametrize("filter_name", ["policy-en"])
def test_configurations_share_no_source_and_no_labeller(filter_name):
    declared = []
    for name in (filter_name, "evaluator-en"):
        content = yaml.safe_load((SCRIPTS / "bundles" / f"{name}.yaml").read_text())
        declared.append((
            {source["name"] for source in content["sources"]},
            {who for source in content["sources"] for who in source["labelled_by"]},
        ))  # fmt: skip
        assert any("madlibs" in path for path in content["held_out"])
    assert not declared[0][0] & declared[1][0]
    assert not declared[0][1] & declared[1][1]


def test_labels_hold_no_text():
    for path in (SCRIPTS.parent / "classifiers" / "labels").glob("*.jsonl"):
        assert all("text" not in json.loads(line) for line in path.read_text().splitlines()[:50])
