"""The program of a PyVRP process: reads one problem and a plan from standard input and improves the plan until it is told to stop.

Like `child`, it is started as a script and is the only file that touches its engine. It differs in that it speaks while
it works: each better plan is a line of JSON, so that whoever kills it keeps the last one.

Input: as of `child`; the document holds clients, depots, vehicle types and the routes to begin with (see `pyvrp`).
Output: lines {"status": "better", "routes": …}, at last {"status": "ok", "routes": …, "iterations": …}.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from types import ModuleType
from typing import IO, Any

from doorstep.planning.solver.child import die_with, limit, read_exactly

SAY_EVERY_SECONDS = 1.0
USUAL_LOAD = 15.0
"""PyVRP's penalties were tuned on instances with loads of about this size and a cost of 1 for a unit of time."""

Routes = list[list[Any]]


def main() -> None:
    """Run once and leave; see `child.main`."""
    die_with(int(sys.argv[1]))
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    stream = sys.stdin.buffer
    header = json.loads(stream.readline())
    limit(header["limits"])
    os.putenv("OPENBLAS_NUM_THREADS", "1")
    try:
        result = Improving(header, stream, answer).run()
    except MemoryError:
        result = {"status": "memory", "message": "out of memory"}
    except (RuntimeError, ValueError, TypeError, IndexError, OverflowError) as error:
        result = {"status": "failed", "message": f"{type(error).__name__}: {error}"}
    result["cpu_seconds"] = sum(os.times()[:2])
    say(answer, result)
    answer.close()


def say(answer: IO[bytes], words: dict[str, Any]) -> None:
    """One line of JSON."""
    answer.write(json.dumps(words).encode() + b"\n")
    answer.flush()


class Improving:
    """PyVRP's iterated local search from given routes, with a stop that looks at clock, iterations and patience."""

    def __init__(self, header: dict[str, Any], stream: IO[bytes], answer: IO[bytes]) -> None:
        document = json.loads(read_exactly(stream, header["document_bytes"]))
        numpy = importlib.import_module("numpy")
        self.engine = load_engine()
        self.answer = answer
        self.effort = header["run"]
        self.document = document
        matrices: dict[str, list[Any]] = {"durations": [], "distances": []}
        for matrix in header["matrices"]:
            size = matrix["size"]
            raw = numpy.frombuffer(read_exactly(stream, size * size * 4), dtype=numpy.uint32)
            matrices[matrix["kind"]].append(raw.reshape(size, size).astype(numpy.int64))
        self.data = self._data(matrices)
        self.clock = time.process_time if self.effort["counts_cpu"] else time.monotonic
        self.started = self.clock()
        self.iterations = self.since_best = 0
        self.said = self.started
        self.unsaid: Any = None

    def run(self) -> dict[str, Any]:
        """The best feasible routes; those given when nothing better was found."""
        engine = self.engine
        numbers = engine.RandomNumberGenerator(seed=self.effort["seed"])
        given = self._given(numbers)
        penalties = self._penalties()
        search = self._search(numbers)
        first = search(given, penalties.max_cost_evaluator(), exhaustive=True)
        if given.is_feasible() and not (first.is_feasible() and self._cost(first) <= self._cost(given)):
            first = given
        self._better(first)
        algorithm = engine.IteratedLocalSearch(
            self.data, penalties, search, first, engine.IteratedLocalSearchParams(callbacks=self._listener())
        )
        best = algorithm.run(self._stop, collect_stats=False).best
        if not best.is_feasible():
            best = first
        if not best.is_feasible():
            return {"status": "failed", "message": "no routes were found that hold every rule"}
        return {"status": "ok", "routes": self._routes(best), "iterations": self.iterations}

    # -- the problem ---------------------------------------------------------------------------------------------------

    def _data(self, matrices: dict[str, list[Any]]) -> Any:
        engine, document = self.engine, self.document
        size = matrices["durations"][0].shape[0]
        return engine.ProblemData(
            [engine.Location(0, 0) for _ in range(size)],
            [self._client(client) for client in document["clients"]],
            [engine.Depot(location=place) for place in document["depots"]],
            [self._type(kind) for kind in document["types"]],
            matrices["distances"],
            matrices["durations"],
        )

    def _client(self, client: dict[str, Any]) -> Any:
        early, late = client["window"]
        return self.engine.Client(
            location=client["location"],
            delivery=client["load"],
            service_duration=client["service"],
            tw_early=early,
            tw_late=late,
            prize=client.get("prize", 0),
            required="prize" not in client,
        )

    def _type(self, kind: dict[str, Any]) -> Any:
        early, late = kind["window"]
        limits = {} if kind["max_distance"] is None else {"max_distance": kind["max_distance"]}
        return self.engine.VehicleType(
            num_available=kind["available"],
            capacity=kind["capacity"],
            start_depot=kind["start"],
            end_depot=kind["end"],
            fixed_cost=kind["fixed"],
            tw_early=early,
            tw_late=late,
            unit_distance_cost=kind["per_meter"],
            unit_duration_cost=kind["per_second"],
            profile=kind["profile"],
            **limits,
        )

    def _given(self, numbers: Any) -> Any:
        if self.document["routes"] is None:
            return self.engine.Solution.make_random(self.data, numbers)
        routes = [self.engine.Route(self.data, clients, kind) for kind, clients in self.document["routes"]]
        given = self.engine.Solution(self.data, routes)
        if not given.is_feasible():
            raise ValueError("the routes to begin with break a rule")
        return given

    # -- the search ----------------------------------------------------------------------------------------------------

    def _penalties(self) -> Any:
        """PyVRP's own penalties, in this problem's units of cost and load."""
        engine, document = self.engine, self.document
        price = float(document["price"])
        scales = [price * USUAL_LOAD / max(1.0, mean) for mean in document["mean_loads"]]
        lowest = min([price, *scales])
        usual = engine.PenaltyParams()
        low, high = usual.min_penalty, usual.max_penalty
        params = engine.PenaltyParams(min_penalty=low * lowest, max_penalty=high * max([price, *scales]))
        return engine.PenaltyManager(
            ([high / 2 * scale for scale in scales], high / 2 * price, high / 2 * price), params
        )

    def _search(self, numbers: Any) -> Any:
        engine = self.engine
        search = importlib.import_module("pyvrp.search")
        neighbours = search.compute_neighbours(self.data, search.NeighbourhoodParams())
        local = search.LocalSearch(self.data, numbers, neighbours, search.PerturbationManager())
        for operator in engine.search.OPERATORS:
            if operator.supports(self.data):
                local.add_operator(operator(self.data))
        return local

    def _listener(self) -> Any:
        better = self._better
        callbacks: Any = self.engine.IteratedLocalSearchCallbacks

        class Listener(callbacks):  # type: ignore[misc]
            """PyVRP's callbacks, of which one is of interest."""

            def on_best(self, best: Any) -> None:
                better(best)

        return Listener()

    def _better(self, best: Any) -> None:
        self.since_best = 0
        if best.is_feasible():
            self.unsaid = best

    def _stop(self, _: int) -> bool:
        """Asked before every iteration; also the moment to speak."""
        now = self.clock()
        if self.unsaid is not None and now - self.said >= SAY_EVERY_SECONDS:
            say(self.answer, {"status": "better", "routes": self._routes(self.unsaid)})
            self.unsaid, self.said = None, now
        effort = self.effort
        if self.iterations >= effort["iterations"] or self.since_best >= effort["patience"]:
            return True
        if effort["seconds"] is not None and now - self.started >= effort["seconds"]:
            return True
        self.iterations += 1
        self.since_best += 1
        return False

    def _cost(self, solution: Any) -> int:
        total: int = (
            solution.distance_cost()
            + solution.duration_cost()
            + solution.fixed_vehicle_cost()
            + solution.uncollected_prizes()
        )
        return total

    def _routes(self, solution: Any) -> Routes:
        return [[route.vehicle_type(), [step.idx for step in route if step.is_client()]] for route in solution.routes()]


def load_engine() -> ModuleType:
    """PyVRP, whose log must not end up in the answer."""
    try:
        engine = importlib.import_module("pyvrp")
    except ImportError as error:
        raise SystemExit(f"pyvrp is not installed: {error}") from error
    importlib.import_module("logging").getLogger("pyvrp").handlers.clear()
    return engine


if __name__ == "__main__":
    main()
