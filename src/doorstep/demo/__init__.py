"""The demo: a whole delivery day of three companies, driven by robots through the public API.

- ``world``      the companies: fleets, shifts and 300 orders at real street addresses
- ``client``     a small GraphQL client over HTTP and WebSocket; the demo knows nothing that an integrator could not
- ``documents``  the GraphQL documents that it sends
- ``dispatcher`` sets a company up and plans its day
- ``robot``      one driver working the stops of one route
- ``board``      the live table in the terminal
- ``day``        the tenants, their clock, the map; puts it all together
"""
