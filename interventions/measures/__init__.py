"""Measures: mergeable accumulators over batches of documents and their decisions."""
