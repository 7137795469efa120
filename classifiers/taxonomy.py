"""The policy categories that tamis ships classifiers for, after Markov et al. 2022 (arXiv:2208.03274)."""

from __future__ import annotations

from typing import Final

__all__ = ["CATEGORIES", "DESCRIPTIONS", "FINER"]

CATEGORIES: Final = ("sexual", "hate", "harassment", "violence", "self_harm")

#: Finer categories that a bundle may add to its parent.
FINER: Final = {"sexual/minors": "sexual", "hate/threatening": "hate", "violence/graphic": "violence"}

DESCRIPTIONS: Final = {
    "sexual": "Content meant to arouse, or that describes sexual activity; not education or health.",
    "hate": "Content that attacks people for a protected characteristic; not reporting, quoting or reclaiming.",
    "harassment": "Content that insults, threatens or torments a person; not criticism of ideas.",
    "violence": "Content that promotes, glorifies or depicts physical harm; not neutral news or history.",
    "self_harm": "Content that promotes, depicts or expresses intent of self-harm; not help or prevention.",
}
