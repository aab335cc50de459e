"""Reads infra/Containerfile and infra/compose.yaml: the steps that the tests run without a container engine."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
INSTALLED = "/opt/doorstep"
HOME = "/var/lib/doorstep"


@dataclass(frozen=True)
class Image:
    """What a Containerfile says: build commands, environment, health check and the process it starts."""

    install: str
    environment: dict[str, str]
    health: list[str]
    entrypoint: list[str]
    command: list[str]


def read_image(path: Path = REPOSITORY / "infra" / "Containerfile") -> Image:
    """The lines that matter of a Containerfile without line continuations."""
    lines = [line.partition(" ") for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    said = [(word, rest.strip()) for word, _, rest in lines]
    installs = [rest for word, rest in said if word == "RUN" and "pip install" in rest]
    pairs = [rest.partition("=") for word, rest in said if word == "ENV"]
    health = next(rest for word, rest in said if word == "HEALTHCHECK")
    return Image(
        install=installs[0],
        environment={name: value for name, _, value in pairs},
        health=shlex.split(health.partition(" CMD ")[2]),
        entrypoint=json.loads(next(rest for word, rest in said if word == "ENTRYPOINT")),
        command=json.loads(next(rest for word, rest in said if word == "CMD")),
    )


def read_services(path: Path = REPOSITORY / "infra" / "compose.yaml") -> dict[str, dict[str, Any]]:
    """The services of the compose file, variables not yet filled in."""
    services: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text("utf-8"))["services"]
    return services
