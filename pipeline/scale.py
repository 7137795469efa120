"""How finely scores are kept, and by which salt documents are evaluated: what scoring and stored scores agree on."""

from __future__ import annotations

from typing import Final

__all__ = ["DECIMALS", "EVALUATION_SALT", "PASSAGE_FLOOR", "SPAN_FLOOR"]

#: Scores are rounded before anything is decided on them, so that stored scores lead to the same decisions.
DECIMALS: Final = 5

#: Attributes hold the spans of passages from this score on.
SPAN_FLOOR: Final = 0.1

#: Score files hold passages from this score on, and from a lower one where a rule of the plan acts on them.
PASSAGE_FLOOR: Final = 0.05

EVALUATION_SALT: Final = "evaluate"
