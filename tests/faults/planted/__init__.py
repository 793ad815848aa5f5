"""Hosts with a defect: `price`, `errors` and `slow` are settings modules, to be named in CATALOG_SETTINGS."""
