from __future__ import annotations

import pytest

from tamis.classifiers.errors import BundleError
from tamis.classifiers.kinds import KINDS


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["missing.bin", "../model.bin", "model.bin", 3])
def test_every_kind_refuses_a_file_that_is_not_its_own(kind, name, tmp_path):
    (tmp_path / "model.bin").write_bytes(b"no model")
    parameters = {"file": name, "normaliser": "web-1"}
    parameters |= {"labels": {"hate": "__label__hate"}} if kind == "fasttext" else {}
    with pytest.raises(BundleError):
        KINDS[kind](tmp_path, parameters)
