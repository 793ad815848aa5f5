"""Django's database in rpc processes: a pool that greenlets share, and statements bounded by the call."""
