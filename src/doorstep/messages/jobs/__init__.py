"""Background work of messages: ``telling`` writes them, ``sending`` sends them by ``mail``."""

from doorstep.messages.jobs.sending import JOB_KINDS as JOB_KINDS
from doorstep.messages.jobs.sending import PERIODICS as PERIODICS
from doorstep.messages.jobs.telling import ReadEndpoints as ReadEndpoints
from doorstep.messages.jobs.telling import owners_told as owners_told
