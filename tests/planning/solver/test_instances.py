"""Public instances with known optima: solved, verified, and not far from the best known."""

import json
from pathlib import Path

import pytest
from tests.planning.solver.cases import solomon
from tests.planning.solver.referee import faults

from doorstep.planning.solver.estimate import Objective, SolveOptions
from doorstep.planning.solver.pool import SolverPool, SolveStatus
from doorstep.planning.solver.verify import violations


@pytest.mark.parametrize(("name", "gap"), [("C101", 0.02), ("R101", 0.08), ("RC201", 0.15)])
async def test_a_solomon_instance_is_solved_and_verified(shared_data: Path, name: str, gap: float) -> None:
    given = solomon(shared_data / "vrp" / "solomon" / f"{name}.txt")
    best = json.loads((shared_data / "vrp" / "best-known.json").read_text())[name][
        "dimacs_distance_1_decimal_truncated"
    ]
    outcome = await SolverPool(slots=1).solve(
        given, SolveOptions(level=1, deterministic=True, objective=Objective.DISTANCE)
    )
    assert outcome.status is SolveStatus.OK
    assert outcome.solution is not None
    assert outcome.solution.unassigned == ()
    assert violations(given, outcome.solution) == ()
    assert faults(given, outcome.solution) == []
    assert outcome.solution.summary.distance_meters / 10 <= best * (1 + gap)
