"""The bench's tagger for Dolma: the same fastText model, on whole documents. For `dolma tag`, in its venv."""

from __future__ import annotations

import os
from collections.abc import Iterable

from dolma import add_tagger
from dolma.core.data_types import TextSlice
from dolma.core.ft_tagger import BaseFastTextTagger, Prediction


@add_tagger("bench")
class BenchTagger(BaseFastTextTagger):
    """Scores of every label of the model in TAMIS_BENCH_MODEL."""

    def __init__(self) -> None:
        super().__init__(model_path=os.environ["TAMIS_BENCH_MODEL"], model_mode=self.DOCUMENT_LEVEL_TAGGER)

    def predict_slice(self, text_slice: TextSlice) -> Iterable[Prediction]:
        """Yields a prediction a label."""
        labels, scores = self.classifier.predict(text_slice.text.replace("\n", " "), k=-1)
        for label, score in zip(labels, scores, strict=True):
            yield Prediction(label=label.removeprefix("__label__"), score=float(score))
