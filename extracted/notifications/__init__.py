"""The host of notifications: a web process, an rpc process and a worker on a database of their own."""
