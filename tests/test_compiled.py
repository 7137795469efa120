from __future__ import annotations

import numba
import numpy as np
import pytest

from tamis.classifiers import compiled


def total(values):
    result = 0
    for value in values:
        result += value
    return result


@pytest.mark.parametrize("writable", [True, False])
def test_a_kernel_runs_whether_or_not_its_code_can_be_kept(monkeypatch, writable):
    def njit(**options):
        if options.pop("cache", False) and not writable:
            raise RuntimeError("cannot cache function: no locator available")
        return numba.njit(**options)

    monkeypatch.setattr(compiled, "njit", njit)
    assert compiled.kernel(total)(np.arange(5)) == 10
    assert compiled.inlined(total)(np.arange(5)) == 10
