"""Background work of planning: optimizing plans, timing changed routes anew, and reactions to what happens to orders."""

from doorstep.kernel.consumers import Consumer
from doorstep.kernel.jobs import JobKind
from doorstep.planning.jobs.optimizing import give_up_plan, optimize
from doorstep.planning.jobs.reacting import TAKE_OFF
from doorstep.planning.jobs.refreshing import give_up_refresh, refresh
from doorstep.planning.service.committing import REFRESH
from doorstep.planning.service.plans import OPTIMIZE

JOB_KINDS: dict[str, JobKind] = {
    OPTIMIZE: JobKind(optimize, give_up_plan),
    REFRESH: JobKind(refresh, give_up_refresh),
}
CONSUMERS: list[Consumer] = [TAKE_OFF]
