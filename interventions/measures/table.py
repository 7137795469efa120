"""The table of measures: one module and one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tamis.interventions.measures.agreement import Agreement
from tamis.interventions.measures.base import Measure
from tamis.interventions.measures.collateral import Collateral
from tamis.interventions.measures.coverage import Coverage
from tamis.interventions.measures.excerpts import Excerpts
from tamis.interventions.measures.frontier import Frontier
from tamis.interventions.measures.placebo import Placebo
from tamis.interventions.measures.prevalence import Prevalence
from tamis.interventions.measures.shift import Shift
from tamis.interventions.measures.volume import Volume

__all__ = ["MEASURES"]

MEASURES: Final[Mapping[str, type[Measure]]] = {
    Volume.name: Volume,
    Prevalence.name: Prevalence,
    Coverage.name: Coverage,
    Agreement.name: Agreement,
    Collateral.name: Collateral,
    Shift.name: Shift,
    Frontier.name: Frontier,
    Placebo.name: Placebo,
    Excerpts.name: Excerpts,
}
