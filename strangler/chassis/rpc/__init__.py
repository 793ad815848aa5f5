"""Remote calls of ports: Nameko over RabbitMQ, the same port class on both sides.

Server: `python -m strangler.chassis.rpc <settings>` serves every domain that the host runs, as the Nameko
service `<host>.<domain>`, generated from the contract. Client: `client.connect()` makes a transport for
`ports.use_transport`. Nothing of it is imported before one of the two is asked for.

On the wire a call is Nameko's own: JSON `{"args": [], "kwargs": {…}}` to the exchange `nameko-rpc` with the
key `<host>.<domain>.<method>`, answered by `{"result": …, "error": …}`. Headers carry what travels with a
call: `deadline` (milliseconds since the epoch; the message expires with it), `idempotency-key` (of
commands), `caller`, and W3C `traceparent`. `epoch` says since when the caller knows the domain's owner; who
does not own the domain answers with the kind `moved`, and the caller asks again, with its number of `hops`. A
call with `shadow` is there to be compared: whoever runs the domain answers it.
"""
