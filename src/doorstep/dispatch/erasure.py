"""What becomes of dispatch's tables when a recipient is erased: an offer holds ids, states and instants alone."""

from doorstep.kernel.erasure import OURS, Rules, each

RULES = (Rules("dispatch_offers", each(OURS, "state")),)
