"""Move a Django monolith's domains into services one at a time: the toolkit and the chassis."""
