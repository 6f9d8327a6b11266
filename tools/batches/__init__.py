"""Device lists, the ledger, issuing: read, plan, issue, write."""
