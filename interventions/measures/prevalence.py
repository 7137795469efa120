"""Prevalence: the share of documents that the evaluator flags, before and after each intervention.

Before and after are the same documents under two policies, never two samples, so the headline is their *ratio*. It
needs no label, and it is only as good as the evaluator: the grade is "estimated" where filter and evaluator are
independent by data and by family, else "relative", and then the numbers are changes by that evaluator and not
residual prevalence.

Result (estimates are described in `measures.estimate`):

    {
      "grade": "estimated" | "relative" | "not measured",
      "reason": str | null,                            why the grade is not "estimated"
      "evaluated": {"documents": int, "words": int},   documents that the evaluator scored
      "evaluated_share": estimate,                     … of all documents seen
      "lengths": ["0", "1-49", …],
      "thresholds": {CATEGORY: number},                the evaluator's operating thresholds
      "categories": [CATEGORY, …],                     the evaluator's categories in order, and "any" last
      "before": {CATEGORY: {"documents": estimate, "words": estimate, "mean_score": estimate}},
      "interventions": {
        NAME: {
          CATEGORY: {
            "before": estimate, "after": estimate, "ratio": estimate,                     share of documents
            "before_words": estimate, "after_words": estimate, "ratio_words": estimate,   share of words
            "mean_before": estimate, "mean_after": estimate,                              mean score
            "flagged": {"before": int, "after": int},  flagged documents, in numbers
            "caught": estimate,                        share of the flagged documents that the intervention acted on
            "by_length": {BUCKET: {"before": estimate, "after": estimate, "ratio": estimate}}
          }
        }
      },
      "histograms": {
        "edges": [number, …],                          33 edges in logits; counts has one number per gap
        "evaluator": {CATEGORY: {"before": [int, …], "removed": {NAME: [int, …]}}},
        "filter": {"CLASSIFIER.CATEGORY": {"before": [int, …], "removed": {NAME: [int, …]}}}
      }
    }

`ratio` is after / before: 0.2 says that a fifth of the prevalence is left, 1 that nothing changed. "any" flags a
document that any category flags.
"""
