"""Places: where things are, and how long it takes to get from one to the other.

Owns addresses (how they are written, checked and found on the map), the address index that is read from an
OpenStreetMap extract, and the road network. Knows nothing of tenants: maps are the same for everybody.

Words: a *position* is a (latitude, longitude) pair; an *extract* is an .osm.pbf file; the *current map* is the extract
in use; a *graph* is that map prepared for one *profile* (a way of moving about).

Read `addresses` and `address_index` for addresses, `roads` for the network, `map_extract` for what is read from a map,
and `town` for the made-up town that stands in where nobody has a map.
"""
