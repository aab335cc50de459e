"""The engine's process: its answers, its deaths and its limits, with the real VROOM."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from tests.planning.solver.cases import line, parcel, problem, town, van
from tests.planning.solver.engines import engine_pids, first_engine

from doorstep.planning.solver.engine import Effort, Engine, EngineInput
from doorstep.planning.solver.problem import Problem
from doorstep.planning.solver.process import PROGRAMS, Limits, RunStatus, run_engine
from doorstep.planning.solver.travel import Travel
from doorstep.planning.solver.vroom import from_engine, to_engine

LIMITS = Limits(wall_seconds=60, memory_bytes=1 << 30)
QUICK = Effort(searches=1, depth=0)
ENDLESS = Effort(searches=32, depth=5)


def translated(given: Problem) -> EngineInput:
    return to_engine(given, Travel(given), given.orders, given.vehicles)


@pytest.fixture(scope="module")
def slow() -> EngineInput:
    """Keeps VROOM busy for a minute with ENDLESS."""
    return translated(town(220, capacity=200, vehicles=6))


def small() -> Problem:
    return problem([parcel("a", 3), parcel("b", 1), parcel("c", 2)], [van()])


async def test_the_engine_answers() -> None:
    given = small()
    run = await run_engine(translated(given), QUICK, LIMITS)
    assert (run.status, run.reason) == (RunStatus.OK, None)
    assert run.answer is not None
    assert sorted(from_engine(given, given.orders, run.answer).routes[0].order_ids) == ["a", "b", "c"]
    assert run.cpu_seconds > 0


async def test_zero_threads_and_negative_efforts_never_reach_vroom() -> None:
    """Planted trap: with nb_threads=0 VROOM dies of SIGFPE."""
    run = await run_engine(translated(small()), Effort(searches=0, depth=-4, threads=0), LIMITS)
    assert run.status is RunStatus.OK


async def test_input_that_kills_vroom_is_a_crash_with_its_signal() -> None:
    """Planted fault: a step that is no object makes VROOM's parser die of SIGSEGV; only the child may notice."""
    engine_input = translated(small())
    engine_input.document["vehicles"][0]["steps"] = [5]
    run = await run_engine(engine_input, QUICK, LIMITS)
    assert run.status is RunStatus.CRASHED
    assert run.reason is not None
    assert "SIGSEGV" in run.reason


async def test_what_vroom_refuses_is_told_in_its_words() -> None:
    engine_input = translated(small())
    engine_input.document["vehicles"][0]["profile"] = "boat"
    run = await run_engine(engine_input, QUICK, LIMITS)
    assert run.status is RunStatus.REFUSED
    assert run.reason is not None
    assert "boat" in run.reason


async def test_a_sentinel_beyond_the_limit_is_refused_by_vroom_itself() -> None:
    """Planted fault: shows that the bound which the translation keeps is a real one."""
    given = problem([parcel(f"o{n}", n) for n in range(1, 10)], [van()])
    engine_input = translated(given)
    for _, kind, matrix in engine_input.matrices:
        if kind == "durations":
            matrix[:] = 2**32 - 2
    run = await run_engine(engine_input, QUICK, LIMITS)
    assert run.status is RunStatus.REFUSED
    assert run.reason is not None
    assert "cost" in run.reason.lower()


async def test_the_deadline_is_kept_by_force(slow: EngineInput) -> None:
    started = time.monotonic()
    run = await run_engine(slow, ENDLESS, Limits(0.8, 1 << 30))
    assert run.status is RunStatus.TIMEOUT
    assert run.reason is not None
    assert time.monotonic() - started < 10
    assert engine_pids(os.getpid()) == []


async def test_an_engine_killed_from_outside_is_a_crash(slow: EngineInput) -> None:
    task = asyncio.create_task(run_engine(slow, ENDLESS, LIMITS))
    os.kill(await first_engine(os.getpid()), signal.SIGKILL)
    run = await task
    assert run.status is RunStatus.CRASHED
    assert run.reason is not None
    assert "SIGKILL" in run.reason


async def test_an_engine_that_stands_still_is_ended_in_time(slow: EngineInput) -> None:
    """Planted fault: a stopped process (as under a debugger or a frozen container) reacts to nothing but SIGKILL."""
    task = asyncio.create_task(run_engine(slow, ENDLESS, Limits(1.5, 1 << 30)))
    pid = await first_engine(os.getpid())
    os.kill(pid, signal.SIGSTOP)
    assert (await task).status is RunStatus.TIMEOUT
    assert not Path(f"/proc/{pid}").exists()


async def test_too_little_memory_is_a_crash_that_says_so() -> None:
    given = problem([parcel(f"o{n}", n) for n in range(1, 2500)], [van()], line(2500))
    run = await run_engine(translated(given), QUICK, Limits(20, 130 << 20))
    assert run.status is RunStatus.CRASHED
    assert run.reason is not None
    assert "130 MB" in run.reason


async def test_cancelling_the_caller_kills_the_engine(slow: EngineInput) -> None:
    task = asyncio.create_task(run_engine(slow, ENDLESS, LIMITS))
    pid = await first_engine(os.getpid())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not Path(f"/proc/{pid}").exists()


async def test_the_engine_dies_with_its_parent(tmp_path: Path) -> None:
    """The parent is killed with -9 in the middle of a solve, while VROOM holds the child's interpreter."""
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent("""
        import asyncio
        from tests.planning.solver.test_process import ENDLESS, LIMITS, translated
        from tests.planning.solver.cases import town
        from doorstep.planning.solver.process import run_engine
        asyncio.run(run_engine(translated(town(220, capacity=200, vehicles=6)), ENDLESS, LIMITS))
        """)
    )
    path = os.pathsep.join([str(Path(__file__).parents[3]), str(Path(__file__).parents[3] / "src")])
    parent = await asyncio.create_subprocess_exec(sys.executable, script, env={**os.environ, "PYTHONPATH": path})
    try:
        engine = await first_engine(parent.pid)
    finally:
        parent.kill()
        await parent.wait()
    for _ in range(250):
        if not Path(f"/proc/{engine}").exists() or "State:\tZ" in Path(f"/proc/{engine}/status").read_text():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the engine outlived its parent")


def test_a_child_ends_itself_when_its_parent_cannot_end_it(slow: EngineInput) -> None:
    """As with a parent that is stopped: nobody kills, the child's own timer does."""
    document = json.dumps(slow.document).encode()
    header = {
        "limits": {"wall_seconds": 0.7, "cpu_seconds": 60, "memory_bytes": 1 << 30},
        "run": {"searches": 32, "depth": 5, "threads": 1, "timeout_seconds": None},
        "document_bytes": len(document),
        "matrices": [{"profile": p, "kind": kind, "size": m.shape[0]} for p, kind, m in slow.matrices],
    }
    given = json.dumps(header).encode() + b"\n" + document + b"".join(m.tobytes() for _, _, m in slow.matrices)
    ended = subprocess.run(
        [sys.executable, "-P", str(PROGRAMS[Engine.VROOM]), str(os.getpid())],
        input=given,
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert ended.returncode == -signal.SIGALRM


@pytest.mark.parametrize("given", [b"", b"{}\n", b"not json\n", b'{"limits": {"wall_seconds": 5}}\n'])
def test_a_child_with_half_a_problem_leaves(given: bytes) -> None:
    command = [sys.executable, "-P", str(PROGRAMS[Engine.VROOM]), str(os.getpid())]
    ended = subprocess.run(command, input=given, capture_output=True, check=False, timeout=30)
    assert ended.returncode != 0
    assert ended.stdout == b""


def test_a_child_of_a_parent_that_is_gone_leaves() -> None:
    ended = subprocess.run([sys.executable, "-P", str(PROGRAMS[Engine.VROOM]), "1"], input=b"", check=False, timeout=30)
    assert ended.returncode == 1


def test_the_parent_never_loads_the_engine() -> None:
    """Neither the compiled engine (GPL through GLPK) nor pandas may get into the process that serves requests."""
    code = "import sys, doorstep.planning.solver.pool; print(sorted({m.split('.')[0] for m in sys.modules}))"
    path = str(Path(__file__).parents[3] / "src")
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": path}
    ).stdout
    assert "'vroom'" not in loaded
    assert "'_vroom'" not in loaded
    assert "'pandas'" not in loaded
