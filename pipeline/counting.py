"""Records by what an intervention made of them."""

from __future__ import annotations

import numpy as np

from tamis.interventions.verdict import Action, Decisions
from tamis.pipeline.receipts import Counts

__all__ = ["counted"]


def counted(documents: int, decided: Decisions | None, synthetic_ids: int = 0) -> Counts:
    """Counts documents.

    Args:
        documents: Their number.
        decided: What the published intervention decided on them; None where none is published and all are kept.
        synthetic_ids: How many have no id of their own.
    """
    if decided is None:
        return Counts(seen=documents, kept=documents, synthetic_ids=synthetic_ids)
    withheld = int(np.count_nonzero(decided.action == Action.QUARANTINE))
    dropped = int(np.count_nonzero(decided.removed)) - withheld
    return Counts(
        seen=documents,
        kept=documents - dropped - withheld,
        dropped=dropped,
        quarantined=withheld,
        withheld=withheld,
        tagged=int(np.count_nonzero(decided.action == Action.TAG)),
        rewritten=int(np.count_nonzero(decided.rewritten)),
        synthetic_ids=synthetic_ids,
    )
