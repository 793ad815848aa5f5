"""`./run demo`: the shop under traffic, moved step by step, watched, and audited."""
