"""Subscriptions, executed once for all who follow the same, and sent to each at its own pace.

Two subscriptions are the same when their document, variables, tenant, permissions, reach and clock are: everything that an answer can depend on.
Who asks is not among it, so a shared execution does not know; a document that asks for a field which depends on it is executed for one alone.

- ``shapes``     what a subscription asks, and with whom it can be shared
- ``messages``   a result as text, made once for all sockets
- ``lanes``      the latest messages of an execution, bounded whatever its readers do
- ``feeds``      the executions that run
- ``following``  one subscriber: from its cursor through the log, over to a lane, and back to the log when it is too slow

There is no queue for a subscriber anywhere. A socket has its place in a lane and asks for the next message when the one before is sent; whoever
falls behind the lane reads the log from its place, by itself, until it is back.
"""

from doorstep.kernel.graphql.sharing.feeds import Feeds as Feeds
from doorstep.kernel.graphql.sharing.following import Followers as Followers
from doorstep.kernel.graphql.sharing.messages import Message as Message
