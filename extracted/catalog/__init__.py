"""The host of the catalogue: a web process, an rpc process and a relay on a database of their own."""
