from pathlib import PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tamis.pipeline import globs
from tamis.pipeline.errors import UsageError


@pytest.mark.parametrize(
    ("pattern", "written_out"),
    [
        ("**/*.jsonl", ["**/*.jsonl"]),
        ("{en,de}/*.gz", ["en/*.gz", "de/*.gz"]),
        ("p-{08..11}.gz", ["p-08.gz", "p-09.gz", "p-10.gz", "p-11.gz"]),
        ("{1..3}", ["1", "2", "3"]),
        ("{a,b}{0..1}", ["a0", "a1", "b0", "b1"]),
        ("{x}/{a..b}", ["{x}/{a..b}"]),
        ("a{,.gz}", ["a", "a.gz"]),
    ],
)
def test_braces(pattern, written_out):
    assert globs.expand(pattern) == written_out


@pytest.mark.parametrize(
    "pattern", ["/a", "a/../b", "{3..1}", "{0..9999999}", "{0..999}{0..999}{0..9}", "{0..99999999999999}"]
)
def test_refused(pattern):
    with pytest.raises(UsageError):
        globs.expand(pattern)


@pytest.mark.parametrize(
    ("pattern", "folder"),
    [("**/*.gz", ""), ("a/b/*.gz", "a/b"), ("a/b*/c", "a"), ("a/b.gz", "a"), ("b.gz", ""), ("a/[x]/y", "a")],
)
def test_the_folder_to_list(pattern, folder):
    assert globs.folder(pattern) == folder


@pytest.mark.parametrize(("pattern", "literal"), [("a.gz", True), ("a*", False), ("a?", False), ("[a]", False)])
def test_literal(pattern, literal):
    assert globs.is_literal(pattern) is literal


PATHS = ["a.gz", "b.jsonl", "a/a.gz", "a/b/c.gz", "a/b/d.jsonl", "ab/x.gz", "a/[x].gz", "A.GZ", "a b/c.gz", "é.gz"]
PATTERNS = st.lists(
    st.sampled_from(["**", "*", "a", "*.gz", "?.gz", "a*", "[ab]", "[!a]*", "b", "*.jsonl", "c.gz", "*b*", "*.GZ"]),
    min_size=1,
    max_size=4,
).map("/".join)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("globs")
    for name in PATHS:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pattern=PATTERNS)
def test_names_match_as_files_do(folder, pattern):
    # What a last `**` matches differs between versions of Python: folders only, or files too.
    if PurePosixPath(pattern).name == "**":
        pattern += "/*"
    found = sorted(path.relative_to(folder).as_posix() for path in folder.glob(pattern) if path.is_file())
    assert sorted(filter(globs.matcher(pattern), PATHS)) == sorted(set(found))
