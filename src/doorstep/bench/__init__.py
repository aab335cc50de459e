"""The benchmark: what one machine does a second, measured from outside over HTTP and WebSocket on embedded defaults.

The server under test runs in a process of its own, so that the client's work is not counted as the server's; client, server, PostgreSQL and
road engine share the machine all the same, as the printed figures say. Each figure is taken in rounds after a warm-up and shown as the median
with its range, beside the machine's cores and its load before and after.

- ``figures``   a measured figure, its table and its JSON
- ``machine``   cores, load, processor
- ``served``    the server under test: a child process that also tells its CPU time
- ``world``     made-up input; ``documents`` the GraphQL that is sent
- ``stage``     a running server with tenants to measure on
- ``intake``, ``pages``, ``plans``, ``streams``   the measurements
- ``run``       one after the other, with a progress bar
"""
