"""What becomes of messages' columns when a recipient is erased: nothing, since they tell owners of the company's own endpoints."""

from doorstep.kernel.erasure import OURS, Keep, Rules, each

_WORDS = Keep("words of ours around names of the tenant's own endpoints, no recipient's")

RULES = (Rules("messages", {**each(OURS, "kind", "status", "fault"), **each(_WORDS, "subject", "text")}),)
