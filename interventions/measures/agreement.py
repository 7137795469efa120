"""Agreement: how filter and evaluator see the same documents.

High agreement is not good news by itself: two models that share data or family agree on their errors as well.

Result (estimates are described in `measures.estimate`):

    {
      "grade": "estimated" | "relative" | "not measured",
      "reason": str | null,
      "edges": [number, …],                            33 edges in logits, for the heat maps
      "pairs": {
        "CLASSIFIER.CATEGORY": {                       categories that the evaluator scores as well
          "n": int,                                    documents that both scored
          "correlation": estimate,                     Pearson, of logits, unit "correlation"
          "heatmap": [[i, j, count], …],               filter bin i, evaluator bin j, documents; empty cells left out
          "at": [{
            "intervention": NAME, "filter_threshold": number, "evaluator_threshold": number,
            "both": int, "filter_only": int, "evaluator_only": int, "neither": int,
            "kappa": estimate                          Cohen's, unit "kappa"
          }]
        }
      }
    }
"""
