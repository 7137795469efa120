"""Moving bytes and proving that nothing was lost: plans, shards, receipts, runs."""
