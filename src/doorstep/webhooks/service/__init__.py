"""Use cases of webhooks: endpoints and their secrets, and the three steps of delivery."""

from doorstep.webhooks.service.claiming import Claimed as Claimed
from doorstep.webhooks.service.claiming import claim as claim
from doorstep.webhooks.service.claiming import release as release
from doorstep.webhooks.service.endpoints import EndpointChanges as EndpointChanges
from doorstep.webhooks.service.endpoints import NewEndpoint as NewEndpoint
from doorstep.webhooks.service.endpoints import create_endpoint as create_endpoint
from doorstep.webhooks.service.endpoints import delete_endpoint as delete_endpoint
from doorstep.webhooks.service.endpoints import update_endpoint as update_endpoint
from doorstep.webhooks.service.secrets import rotate_secret as rotate_secret
from doorstep.webhooks.service.secrets import seal_anew as seal_anew
from doorstep.webhooks.service.secrets import signing_secret as signing_secret
from doorstep.webhooks.service.settling import Outcome as Outcome
from doorstep.webhooks.service.settling import settle as settle
from doorstep.webhooks.service.steering import pause_endpoint as pause_endpoint
from doorstep.webhooks.service.steering import replay_deliveries as replay_deliveries
from doorstep.webhooks.service.steering import resume_endpoint as resume_endpoint
from doorstep.webhooks.service.steering import test_endpoint as test_endpoint
from doorstep.webhooks.service.turning import turn_events as turn_events
