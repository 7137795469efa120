import pytest

from tamis.pipeline import locations, plan
from tamis.pipeline.errors import UsageError
from tamis.pipeline.locations import Location
from tamis.pipeline.storage import LocalStore, open_store


@pytest.mark.parametrize("root", ["out/demo", "/data/web", "file:///data/web", "C:/x", "a:b", "./s3:/x", "."])
def test_folders(root):
    assert locations.parse(root) is None
    assert isinstance(open_store(root), LocalStore)


@pytest.mark.parametrize(
    ("root", "location"),
    [
        ("s3://b", Location("s3", "b", "")),
        ("s3://b/", Location("s3", "b", "")),
        ("S3://b/c/d/", Location("s3", "b", "c/d")),
        ("gs://b/c d", Location("gs", "b", "c d")),
        ("az://container/x", Location("az", "container", "x")),
        ("https://h:8080/x/y", Location("https", "h:8080", "x/y")),
    ],
)
def test_urls(root, location):
    assert locations.parse(root) == location


def test_names():
    inside, bare = Location("s3", "b", "p"), Location("https", "h", "")
    assert [inside.key("a/b"), inside.key(""), bare.key("a"), bare.key("")] == ["p/a/b", "p", "a", ""]
    assert [inside.folder("r"), inside.folder(""), bare.folder("")] == ["p/r/", "p/", ""]
    assert inside.url("a b") == "s3://b/p/a b"
    assert bare.url("a b/ü#.gz") == "https://h/a%20b/%C3%BC%23.gz"


@pytest.mark.parametrize(
    ("root", "message"),
    [
        ("gcs://b/x", r"write gs://BUCKET/PREFIX"),
        ("s3a://b/x", r"write s3://BUCKET/PREFIX"),
        ("hdfs://b/x", r"is not a storage that tamis reaches"),
        ("s3://", r"expected s3://BUCKET/PREFIX"),
        ("s3:///x", r"expected s3://BUCKET/PREFIX"),
        ("s3://b/x/../y", r"without empty, \. or \.\. segments"),
        ("s3://b/x//y", r"without empty"),
        ("s3://key:secret@b/x", r"AWS_PROFILE"),
        ("s3://key:sec/ret@b/x", r"AWS_PROFILE"),
        ("gs://secret@b/x", r"gcloud auth"),
        ("az://c/x?sv=1&sig=secret", r"AZURE_STORAGE_ACCOUNT"),
        ("https://u:secret@h/x", r"netrc"),
        ("https://h/x?X-Amz-Signature=secret", r"credentials or a signature"),
    ],
)
def test_refused(root, message):
    with pytest.raises(UsageError, match=message) as caught:
        locations.parse(root)
    assert "sec" not in str(caught.value)


PLAN = """
schema: 1
name: x
corpus: {{root: "{root}"}}
classifiers: {{policy: builtin:policy-en}}
interventions: {{a: [{{when: "hate >= 0.5", do: drop}}]}}
output: "{output}"
"""


@pytest.mark.parametrize(
    ("root", "output", "message"),
    [
        ("s3://k:s@b/x", "out", r"`corpus.root`: s3://<redacted>@b/x: a URL with credentials"),
        ("in", "https://h/out", r"`output: https://h/out`: https:// is read only"),
        ("in", "gcs://b", r"`output`: gcs://b"),
    ],
)
def test_a_plan_with_such_a_root_is_refused(root, output, message):
    with pytest.raises(UsageError, match=message):
        plan.parse(PLAN.format(root=root, output=output))


def test_a_plan_with_urls():
    parsed = plan.parse(PLAN.format(root="https://h/corpus", output="s3://b/out"))
    assert (parsed.corpus.root, parsed.output) == ("https://h/corpus", "s3://b/out")
