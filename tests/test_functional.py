from __future__ import annotations

import numpy as np
import pytest

from tamis.classifiers.errors import UsageError
from tamis.classifiers.functional import by_functionality, read_cases

OURS = "functionality,text,expected,category,identity\nidiom,a b,pass,violence,\nthreat,c d,flag,violence,gay\n"
HATECHECK = "functionality,case_id,test_case,label_gold,target_ident,templ_id\n"
HATECHECK += "derog,1,a b,hateful,women,3\nneg,2,c,non-hateful,,4\n"


@pytest.mark.parametrize(("content", "flags"), [(OURS, [False, True]), (HATECHECK, [True, False])])
def test_both_shapes_are_read(tmp_path, content, flags):
    (tmp_path / "s.csv").write_text(content)
    assert [case.flag for case in read_cases(tmp_path / "s.csv")] == flags


def test_a_case_is_judged_by_its_category_or_by_any(tmp_path):
    (tmp_path / "s.csv").write_text(OURS.replace("pass,violence", "pass,unheard"))
    cases = read_cases(tmp_path / "s.csv")
    scores = np.array([[0.9, np.nan], [0.9, 0.1]])
    found = by_functionality(cases, scores, ("hate", "violence"), {"hate": 0.5, "violence": 0.5})
    assert found["idiom"] == {"cases": 1, "expected": "pass", "flagged": 1.0, "right": 0.0}
    assert found["threat"] == {"cases": 1, "expected": "flag", "flagged": 0.0, "right": 0.0}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"functionality,text\nx,y\n", "one of expected, label_gold, label"),
        (b"functionality,text,expected\nx,y,maybe\n", "s.csv:2: verdict 'maybe'"),
        (b"functionality,text,expected\n", "no cases"),
        (b"functionality,text,expected\nx,\xff,1\n", "not UTF-8"),
    ],
)
def test_bad_suites_are_named(tmp_path, content, message):
    (tmp_path / "s.csv").write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read_cases(tmp_path / "s.csv")
