"""Plans and bundles by URL, from real servers on the loopback interface."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tamis.classifiers import bundle_facts
from tamis.classifiers.errors import BundleError, TamisError, UsageError
from tamis.pipeline import cli, fetched, workbench
from tamis.pipeline import plan as plans
from tamis.pipeline.plan import ClassifierRef
from tamis.pipeline.storage import open_store

BUNDLE = bundle_facts.locate("builtin:evaluator-en")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tamis" / "bundles"


@pytest.fixture
def uploaded(connected):
    """Uploads a bundle, with changes; returns its URL."""

    def upload(scheme="gs", changed=None, left_out=()):
        server = connected(scheme)
        files = {path.name: path.read_bytes() for path in BUNDLE.iterdir() if path.is_file()}
        files = {name: data for name, data in {**files, **(changed or {})}.items() if name not in left_out}
        if scheme == "http":
            server.files.update({f"bundles/mine/{name}": data for name, data in files.items()})
            return f"http://{server.address}/bundles/mine"
        root = f"{scheme}://{server.bucket}/{hashlib.sha256(repr(sorted(files)).encode()).hexdigest()[:8]}"
        for name, data in files.items():
            open_store(root).write(f"mine/{name}", data)
        return f"{root}/mine"

    return upload


@pytest.mark.parametrize("scheme", ["s3", "gs", "az", "http"])
def test_a_bundle_by_url_is_the_bundle(scheme, uploaded, cache):
    url = uploaded(scheme)
    loaded = workbench.load_classifier(ClassifierRef(path=url))
    assert loaded.id == bundle_facts.read("builtin:evaluator-en").id
    assert [path.name for path in cache.iterdir()] == [
        hashlib.sha256((BUNDLE / "bundle.json").read_bytes()).hexdigest()
    ]


def test_it_is_fetched_once(uploaded, cache, connected):
    url = uploaded("http")
    first = fetched.bundle_folder(url)
    del connected("http").files["bundles/mine/golden.jsonl"]
    assert fetched.bundle_folder(url) == first


def test_another_bundle_under_the_same_url_is_another_folder(uploaded):
    url = uploaded("http")
    first = fetched.bundle_folder(url)
    header = (BUNDLE / "bundle.json").read_bytes()
    uploaded("http", {"bundle.json": header + b" "})
    assert fetched.bundle_folder(url) != first


def test_a_pin_that_does_not_match_is_refused_before_anything_is_kept(uploaded, cache):
    url = uploaded("http")
    with pytest.raises(BundleError, match="expected sha256 0000"):
        fetched.bundle_folder(url, "0" * 64)
    assert not cache.exists()


@pytest.mark.parametrize("change", ["cut", "flipped", "longer"])
def test_a_damaged_file_is_refused(change, uploaded):
    data = (BUNDLE / "golden.jsonl").read_bytes()
    damaged = {"cut": data[:-1], "flipped": bytes([data[0] ^ 1]) + data[1:], "longer": data + b"\n"}[change]
    with pytest.raises(TamisError, match=r"golden\.jsonl"):
        workbench.load_classifier(ClassifierRef(path=uploaded("http", {"golden.jsonl": damaged})))


def test_an_incomplete_upload_is_told_and_nothing_is_kept(uploaded, cache):
    with pytest.raises(BundleError, match=r"golden\.jsonl.*upload the whole bundle"):
        fetched.bundle_folder(uploaded("s3", left_out=("golden.jsonl",)))
    assert list(cache.iterdir()) == []


def test_a_header_that_names_a_path_outside_is_refused(uploaded, cache):
    header = (BUNDLE / "bundle.json").read_text().replace('"golden.jsonl"', '"../golden.jsonl"')
    with pytest.raises(BundleError, match="not a plain file name"):
        fetched.bundle_folder(uploaded("http", {"bundle.json": header.encode()}))


def test_no_bundle_there_is_a_mistake_in_the_plan(connected):
    server = connected("http")
    with pytest.raises(UsageError, match=r"no bundle there: expected a folder with bundle\.json"):
        fetched.bundle_folder(f"http://{server.address}/nothing")


def test_a_cache_that_cannot_be_written_names_the_variable(uploaded, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(TamisError, match="XDG_CACHE_HOME"):
        fetched.bundle_folder(uploaded("http"))


@pytest.mark.parametrize("ref", ["builtin:policy-en", "bundles/mine", "/data/bundle"])
def test_other_references_stay_as_they_are(ref):
    assert fetched.bundle_folder(ref) == ref


def test_a_plan_by_url(connected):
    server = connected("http")
    text = (Path(__file__).parent.parent / "scripts" / "demo_plan.yaml").read_bytes()
    server.files["plan.yaml"] = text
    assert plans.load(f"http://{server.address}/plan.yaml").name == "demo"


def test_a_plan_that_is_not_there_or_too_long_is_one_line(connected, capsys, monkeypatch):
    server = connected("http")
    assert cli.main(["run", f"http://{server.address}/none.yaml"]) == 2
    assert "no such plan" in capsys.readouterr().err
    server.files["long.yaml"] = b"#" * 100
    with pytest.raises(TamisError, match="longer than the 99 bytes"):
        fetched.read(f"http://{server.address}/long.yaml", 99)
