"""What becomes of the sandbox's columns when a recipient is erased: they hold nothing of anybody."""

from doorstep.kernel.erasure import IDS, OURS, Rules, each

RULES = (Rules("simulations", {**each(OURS, "status", "last_error"), **each(IDS, "endings")}),)
