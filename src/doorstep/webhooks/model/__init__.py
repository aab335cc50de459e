"""Tables, words, the delivery policy and the check of addresses. No I/O."""

from doorstep.webhooks.model.addresses import check_url as check_url
from doorstep.webhooks.model.addresses import is_global as is_global
from doorstep.webhooks.model.policy import STANDARD as STANDARD
from doorstep.webhooks.model.policy import Policy as Policy
from doorstep.webhooks.model.policy import seconds_to_rest as seconds_to_rest
from doorstep.webhooks.model.tables import DeliveryOrigin as DeliveryOrigin
from doorstep.webhooks.model.tables import DeliveryRow as DeliveryRow
from doorstep.webhooks.model.tables import DeliveryState as DeliveryState
from doorstep.webhooks.model.tables import EndpointReason as EndpointReason
from doorstep.webhooks.model.tables import EndpointRow as EndpointRow
from doorstep.webhooks.model.tables import EndpointStatus as EndpointStatus
from doorstep.webhooks.model.tables import Fault as Fault
