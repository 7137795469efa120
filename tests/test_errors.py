import errno
import json

import pytest

from tamis.classifiers import errors as source
from tamis.pipeline import errors, exits


def test_the_tree_is_the_one_of_classifiers():
    assert [getattr(errors, name) for name in source.__all__] == [getattr(source, name) for name in source.__all__]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (errors.ShardError("a.gz: cut after 7 bytes"), "a.gz: cut after 7 bytes"),
        (
            OSError(errno.ENOSPC, "No space left on device", "out/x"),
            "No space left on device: out/x: free some space there",
        ),
        (OSError(errno.ENXIO, "No such device or address"), "No such device or address"),
        (ValueError("canary"), "ValueError at an unknown place"),
        (OSError("canary"), "OSError at an unknown place"),
    ],
)
def test_describe(error, told):
    assert errors.describe(error) == told


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (source.UsageError("x"), exits.USAGE),
        (source.RaceLost("x"), exits.LOST),
        (source.ShardError("x"), exits.FAILED),
        (source.BundleError("x"), exits.FAILED),
        (OSError("x"), exits.FAILED),
    ],
)
def test_exit_codes_of_errors(error, code):
    assert exits.code_of(error) == code


def test_describe_tells_the_place_and_no_text():
    with pytest.raises(ValueError) as caught:
        json.loads('{"canary": ')
    told = errors.describe(caught.value)
    assert told.startswith("JSONDecodeError at decoder.py:")
    assert "canary" not in told
