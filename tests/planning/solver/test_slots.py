"""Who gets a slot: the owner with the fewest runs, one slot kept for what is urgent, nobody starved, nothing lost."""

import asyncio

import pytest

from doorstep.planning.solver.slots import FairSlots


class Desk:
    """Holds slots until told to let go, and notes in which order they were granted."""

    def __init__(self, slots: int) -> None:
        self.slots = FairSlots(slots)
        self.served: list[str] = []
        self.holding: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def ask(self, name: str, owner: str, *, is_urgent: bool = False, places: list[int] | None = None) -> None:
        async def place(ahead: int) -> None:
            if places is not None:
                places.append(ahead)

        async def hold() -> None:
            async with self.slots.slot(owner, is_urgent=is_urgent, place=place):
                self.served.append(name)
                await self.holding[name].wait()

        self.holding[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(hold())
        await settled()

    async def let_go(self, name: str) -> None:
        self.holding[name].set()
        await self.tasks[name]
        await settled()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_newcomer_waits_for_one_run_however_many_another_owner_asked_for() -> None:
    desk = Desk(1)
    for number in range(5):
        await desk.ask(f"big-{number}", "big")
    await desk.ask("small", "small")
    assert desk.served == ["big-0"]
    await desk.let_go("big-0")
    assert desk.served == ["big-0", "small"]
    await desk.let_go("small")
    assert desk.served == ["big-0", "small", "big-1"]
    for number in range(1, 5):
        await desk.let_go(f"big-{number}")


async def test_with_several_slots_nobody_holds_two_while_another_waits() -> None:
    desk = Desk(2)
    for name in ("a1", "a2", "a3", "b1"):
        await desk.ask(name, name[0])
    assert desk.served == ["a1", "a2"], "nobody else had asked"
    await desk.let_go("a2")
    assert desk.served[-1] == "b1"
    await desk.let_go("a1")
    assert desk.served[-1] == "a3"
    await desk.let_go("a3")
    await desk.let_go("b1")


async def test_urgent_work_has_a_slot_of_its_own_and_goes_first_besides() -> None:
    desk = Desk(1)
    await desk.ask("plan", "a")
    await desk.ask("other", "b")
    await desk.ask("dispatch-1", "c", is_urgent=True)
    assert desk.served == ["plan", "dispatch-1"]
    await desk.ask("dispatch-2", "c", is_urgent=True)
    assert desk.served == ["plan", "dispatch-1"], "one is kept, not more"
    await desk.let_go("plan")
    assert desk.served[-1] == "dispatch-2"
    await desk.let_go("dispatch-1")
    assert desk.served[-1] == "dispatch-2", "the kept slot is not for plans"
    await desk.let_go("dispatch-2")
    assert desk.served[-1] == "other"
    await desk.let_go("other")


async def test_the_place_in_the_queue_is_told() -> None:
    desk = Desk(1)
    places: list[int] = []
    for name in ("a1", "a2", "a3"):
        await desk.ask(name, "a")
    await desk.ask("b1", "b")
    await desk.ask("c1", "c", places=places)
    assert places == [1], "after b1, before the rest of a"
    await desk.let_go("a1")
    await asyncio.sleep(1.1)
    assert places == [1, 0]
    for name in ("b1", "c1", "a2", "a3"):
        await desk.let_go(name)


@pytest.mark.parametrize("granted", [True, False])
async def test_a_cancelled_request_gives_its_slot_back(granted: bool) -> None:
    desk = Desk(1)
    await desk.ask("first", "a")
    await desk.ask("second", "b")
    victim = "first" if granted else "second"
    desk.tasks[victim].cancel()
    with pytest.raises(asyncio.CancelledError):
        await desk.tasks[victim]
    await settled()
    if not granted:
        await desk.let_go("first")
    await desk.ask("third", "c")
    assert "third" in desk.served or desk.served[-1] == "second"
    for name in [one for one in ("second", "third") if one != victim]:
        await desk.let_go(name)
    assert desk.served[-1] == "third"
