"""OR-Tools alone on a public instance: the program of its own process. It reads an instance, and prints the routes found.

Where OR-Tools is installed it is one of the contestants of ``doorstep bench solver``; Doorstep itself never uses it.
"""

import importlib
import io
import json
import sys
from typing import Any, Final

import numpy as np

LEFT_OUT_COST: Final = 10**7
"""What a place costs that is left out: more than any detour of the instances."""


def main() -> None:
    """Solve what stands in the standard input (see ``contest``)."""
    given = np.load(io.BytesIO(sys.stdin.buffer.read()))
    routing = importlib.import_module("ortools.constraint_solver.pywrapcp")
    enums = importlib.import_module("ortools.constraint_solver.routing_enums_pb2")
    count, vehicles = len(given["matrix"]), int(given["vehicles"])
    nodes = routing.RoutingIndexManager(count, vehicles, 0)
    model = routing.RoutingModel(nodes)
    _describe(model, nodes, given)
    asked = routing.DefaultRoutingSearchParameters()
    pairs = bool(given["partner"].any())
    first = enums.FirstSolutionStrategy
    asked.first_solution_strategy = first.PARALLEL_CHEAPEST_INSERTION if pairs else first.PATH_CHEAPEST_ARC
    asked.local_search_metaheuristic = enums.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    asked.time_limit.FromMilliseconds(max(1, int(float(given["seconds"]) * 1000)))
    found = model.SolveWithParameters(asked)
    routes = [] if found is None else [_route(model, nodes, found, vehicle) for vehicle in range(vehicles)]
    sys.stdout.write(json.dumps([route for route in routes if route]))


def _describe(model: Any, nodes: Any, given: Any) -> None:
    matrix, demand, partner = given["matrix"], given["demand"], given["partner"]
    drive = model.RegisterTransitMatrix(matrix.tolist())
    busy = model.RegisterTransitMatrix((matrix + given["service"][:, None]).tolist())
    load = model.RegisterUnaryTransitVector(demand.tolist())
    model.SetArcCostEvaluatorOfAllVehicles(drive)
    horizon = int(given["due"][0])
    model.AddDimension(busy, horizon, horizon, False, "time")
    model.AddDimension(load, 0, int(given["capacity"]), True, "load")
    time = model.GetDimensionOrDie("time")
    for place in range(1, len(matrix)):
        index = nodes.NodeToIndex(place)
        time.CumulVar(index).SetRange(int(given["ready"][place]), int(given["due"][place]))
        model.AddDisjunction([index], LEFT_OUT_COST)
    solver = model.solver()
    for fetched in np.flatnonzero(partner).tolist():
        fetch, bring = nodes.NodeToIndex(fetched), nodes.NodeToIndex(int(partner[fetched]))
        model.AddPickupAndDelivery(fetch, bring)
        solver.Add(model.VehicleVar(fetch) == model.VehicleVar(bring))
        solver.Add(time.CumulVar(fetch) <= time.CumulVar(bring))


def _route(model: Any, nodes: Any, found: Any, vehicle: int) -> list[int]:
    places: list[int] = []
    index = found.Value(model.NextVar(model.Start(vehicle)))
    while not model.IsEnd(index):
        places.append(nodes.IndexToNode(index))
        index = found.Value(model.NextVar(index))
    return places


if __name__ == "__main__":
    main()
