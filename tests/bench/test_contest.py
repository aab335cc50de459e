"""The contest of solvers on public instances: every contestant answers, and the instance's own check has the last word."""

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from doorstep.bench import ortools_alone
from doorstep.bench.contest import Answer, Bout, as_table, contest, lost, means
from doorstep.bench.instances import Instance, load_instances
from doorstep.bench.machine import this_machine


@pytest.fixture
def instances(shared_data: Path) -> list[Instance]:
    return load_instances(shared_data / "vrp", ["solomon", "li_lim_100"], 1)


def bout(name: str, ours: Answer, vroom: Answer, pyvrp: Answer | None = None) -> Bout:
    return Bout(name, "made-up", 10, 1.0, 100.0, 0.0, ours, vroom, pyvrp, None)


async def test_everybody_answers_and_is_measured_alike(instances: list[Instance]) -> None:
    bouts = [await contest(instance, 0.5, 1) for instance in instances]
    for one in bouts:
        for answer in (one.doorstep, *one.others.values()):
            assert answer is None or (answer.fault, answer.unassigned) == (None, 0)
            assert answer is None or (gap := answer.gap(one.best)) is None or gap > -0.01, "better than the best known"
    assert [one.pyvrp is None for one in bouts] == [False, True], "it cannot hold pickups with deliveries"
    console = Console(record=True, width=200)
    console.print(as_table(bouts, this_machine()))
    shown = console.export_text()
    assert "mean solomon" in shown
    assert "cannot" in shown
    assert ("OR-Tools alone" in shown) == ortools_alone.is_installed()


async def test_ortools_plans_where_it_is_installed(instances: list[Instance]) -> None:
    pytest.importorskip("ortools")
    for instance in instances:
        routes, cpu, _, said = await ortools_alone.routes_of(instance, 0.5)
        assert routes is not None, said
        assert instance.measure(routes)[1:] == (0, [])
        assert cpu > 0


def test_an_answer_that_breaks_a_rule_has_no_cost(instances: list[Instance]) -> None:
    everywhere = [list(range(1, instances[0].stops + 1))]
    _, left, faults = instances[0].measure(everywhere)
    assert left == 0
    assert any("late" in fault for fault in faults)
    assert any("carries" in fault for fault in faults)


def test_who_was_better_is_named_and_partial_answers_count_for_nobody() -> None:
    good, bad, partial = Answer(101.0, 0, 1, 1), Answer(110.0, 0, 1, 1), Answer(50.0, 3, 1, 1)
    lost_one, won, torn = bout("a", bad, good), bout("b", good, bad), bout("c", good, partial)
    assert lost([lost_one, won, torn]) == "Lost: a at 1 s (VROOM)."
    assert means([won, replace(won, name="d"), torn], ["VROOM", "PyVRP"]) == ["1.00 % (2)", "10.00 % (2)", "–"]
