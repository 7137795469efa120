"""Volume: how much each intervention removes, rewrites and tags, and from where.

A census: every document of the corpus is counted, so the numbers have no sampling error. They hold for the corpus at
hand and say nothing of the next crawl.

A document's *outcome* under an intervention is `removed` (does not reach the output), `rewritten` (reaches it with
another text: redact, control_token), `tagged` (same text, marked), or untouched. kept = seen - removed, and
rewritten, tagged and untouched documents are all kept.

Result (AMOUNTS are {"documents", "words", "bytes"}, estimates are described in `measures.estimate`):

    {
      "grade": "census",
      "seen": AMOUNTS,
      "lengths": ["0", "1-49", …],                     length buckets in words, in order
      "interventions": {
        NAME: {
          "seen": AMOUNTS, "kept": AMOUNTS, "removed": AMOUNTS, "rewritten": AMOUNTS, "tagged": AMOUNTS,
          "cut": AMOUNTS,                              words and bytes redacted from documents that were kept
          "removed_share": {"documents": estimate, "words": estimate, "bytes": estimate},
          "actions": {ACTION: AMOUNTS},                documents by the action that decided ("drop", "tag", …)
          "rules": {LABEL: {"action": ACTION, "decided": AMOUNTS, "fired": AMOUNTS}},
          "categories": {OUTCOME: {CATEGORY: {"decided": AMOUNTS, "fired": AMOUNTS, "alone": AMOUNTS}}},
          "together": {OUTCOME: [{"categories": [CATEGORY, …], …AMOUNTS}]},      largest first
          "by": {
            "source" | "language" | "length": {
              KEY: {"seen": AMOUNTS, "removed": AMOUNTS, "rewritten": AMOUNTS, "tagged": AMOUNTS,
                    "removed_share": {"documents": estimate, "words": estimate, "bytes": estimate}}}
          },
          "domains": {
            "exact": bool,                             false: rare domains share a bucket, see `measures.domains`
            "distinct": int,                           at least so many domains
            "top": [{"domain": str, "seen": AMOUNTS, "removed": AMOUNTS}],       by words removed, at most 20
            "top10_share": estimate                    share of the removed words that the first ten hold
          }
        }
      }
    }

OUTCOME is "removed", "rewritten" or "tagged"; every outcome is always there. CATEGORY is a category of a classifier;
`decided` counts the documents whose deciding comparison was on it, `fired` those on which any of its comparisons held,
`alone` those on which no other category fired. A document that no category decided (a rule on a source, say) counts
under "" in `together` and under no category.
"""
