"""Background work of webhooks: lanes that turn, claim, send and settle."""

from doorstep.webhooks.jobs.lanes import Deliveries as Deliveries
from doorstep.webhooks.jobs.payloads import Execute as Execute
from doorstep.webhooks.jobs.posting import Poster as Poster
