"""Coverage: which documents got no score, from whom, and why. An unscored document is not a clean one.

Result (estimates are described in `measures.estimate`):

    {
      "documents": int, "words": int,                  seen
      "classifiers": {NAME: SCORED},                   one per classifier of the plan
      "evaluator": SCORED | null,                      over the documents that it was asked about; null: no evaluator
      "languages": {CODE: {"documents": int, "words": int, "share": estimate,
                           "unscored": {NAME: int}}}   documents that classifier NAME left unscored
    }

    SCORED = {
      "asked": int, "scored": int, "unscored": int,    documents
      "share_unscored": estimate,                      of documents
      "share_unscored_words": estimate,                of words
      "reasons": {"empty" | "language" | "failed": {"documents": int, "words": int}}     all three, always
    }
"""
