"""``doorstep serve`` with a fault in it that is easily made: ``python -m tests.faults.planted serve``, the fault's name in ``PLANTED``.

It tells whether the drills see what they are there to see.
"""

import os
from collections.abc import Callable

from doorstep.cli import run
from doorstep.kernel import events
from doorstep.kernel.event_stream import LogPosition
from doorstep.kernel.graphql.sharing.lanes import LogLane

SEQUENCE = "CREATE SEQUENCE planted; GRANT USAGE ON SEQUENCE planted TO doorstep_app, doorstep_system"

_FROM_A_SEQUENCE = """
number AS MATERIALIZED (SELECT 1000 * nextval('planted') AS seq),
while_it_works AS MATERIALIZED (SELECT seq, pg_sleep(0.02 * random()) FROM number),
head AS (
  INSERT INTO event_heads AS head (tenant_id, seq, recorded_at) SELECT $1, seq, clock_timestamp() FROM while_it_works
  ON CONFLICT (tenant_id) DO UPDATE
    SET seq = greatest(head.seq, excluded.seq), recorded_at = greatest(head.recorded_at, clock_timestamp())
  RETURNING (SELECT seq FROM number) AS seq, head.recorded_at
)
"""
"""Numbers that are taken some milliseconds before the commit, as a column of type ``serial`` takes them."""


def numbers_from_a_sequence() -> None:
    """Two commits may come in the other order than their numbers: who has read the later one never looks for the earlier one."""
    events._HEAD = _FROM_A_SEQUENCE
    events._APPEND = f"WITH {_FROM_A_SEQUENCE} {events._EVENTS}"


def live_from_its_end() -> None:
    """A subscriber that has read the log by itself goes on at the end of what is live, and what came in between is nobody's."""

    def index_after(lane: LogLane, _place: LogPosition) -> int:
        return lane._first + len(lane)

    LogLane.index_after = index_after  # type: ignore[method-assign]


FAULTS: dict[str, Callable[[], None]] = {
    fault.__name__: fault for fault in (numbers_from_a_sequence, live_from_its_end)
}

if __name__ == "__main__":
    FAULTS[os.environ["PLANTED"]]()
    run()
