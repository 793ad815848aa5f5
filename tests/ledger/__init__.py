"""The ledger check: everything acknowledged exists exactly once, and the money adds up."""
