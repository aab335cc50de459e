"""Settings: the only reader of the environment. ``.env.example`` documents each variable."""

import os
from email.utils import parseaddr
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT_HOME = Path("/var/lib/doorstep")


def default_home() -> Path:
    """The platform's user data folder; as root a place that the database server's own user can enter."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return ROOT_HOME
    return user_data_path("doorstep", appauthor=False)


class Settings(BaseSettings):
    """Every setting of a Doorstep process, from the environment or a ``.env`` file in the working folder."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", populate_by_name=True, env_ignore_empty=True
    )

    database_url: str | None = Field(None, validation_alias="DATABASE_URL")
    database_system_url: str | None = Field(None, validation_alias="DATABASE_SYSTEM_URL")
    database_owner_url: str | None = Field(None, validation_alias="DATABASE_OWNER_URL")
    home: Path = Field(default_factory=default_home, validation_alias="DOORSTEP_HOME")
    host: str = Field("127.0.0.1", validation_alias="DOORSTEP_HOST")
    port: int = Field(8000, ge=0, le=65535, validation_alias="DOORSTEP_PORT")
    public_url: str | None = Field(None, validation_alias="DOORSTEP_PUBLIC_URL")
    trusted_proxies: Annotated[list[str], NoDecode] = Field(
        default_factory=list, validation_alias="DOORSTEP_TRUSTED_PROXIES"
    )
    allowed_origins: Annotated[list[str], NoDecode] = Field(
        default_factory=list, validation_alias="DOORSTEP_ALLOWED_ORIGINS"
    )
    max_cost: int = Field(10_000, ge=1_000, validation_alias="DOORSTEP_MAX_COST")
    bucket_points: int = Field(20_000, ge=1_000, validation_alias="DOORSTEP_BUCKET_POINTS")
    bucket_points_per_second: int = Field(1_000, ge=1, validation_alias="DOORSTEP_BUCKET_POINTS_PER_SECOND")
    operation_seconds: float = Field(10.0, gt=0, le=60, validation_alias="DOORSTEP_OPERATION_SECONDS")
    sockets_per_key: int = Field(200, ge=1, validation_alias="DOORSTEP_SOCKETS_PER_KEY")
    subscriptions_per_key: int = Field(1_000, ge=1, validation_alias="DOORSTEP_SUBSCRIPTIONS_PER_KEY")
    secret_keys: Annotated[list[str], NoDecode] = Field(default_factory=list, validation_alias="DOORSTEP_SECRET_KEYS")
    webhooks_private: bool = Field(False, validation_alias="DOORSTEP_WEBHOOKS_PRIVATE")
    smtp_url: str | None = Field(None, validation_alias="DOORSTEP_SMTP_URL")
    mail_from: str | None = Field(None, validation_alias="DOORSTEP_MAIL_FROM")
    metrics_host: str = Field("127.0.0.1", validation_alias="DOORSTEP_METRICS_HOST")
    metrics_port: int = Field(9464, ge=0, le=65535, validation_alias="DOORSTEP_METRICS_PORT")
    pool_size: int = Field(10, ge=2, le=100, validation_alias="DOORSTEP_POOL_SIZE")
    solver_slots: int = Field(
        default_factory=lambda: max(1, (os.cpu_count() or 2) - 1), ge=1, validation_alias="DOORSTEP_SOLVER_SLOTS"
    )
    osrm_urls: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict, validation_alias="DOORSTEP_OSRM_URLS")
    roads: Literal["auto", "straight"] = Field("auto", validation_alias="DOORSTEP_ROADS")
    event_days: int = Field(396, ge=7, validation_alias="DOORSTEP_EVENT_DAYS")
    drain_seconds: float = Field(25.0, gt=0, le=30, validation_alias="DOORSTEP_DRAIN_SECONDS")
    log_format: Literal["console", "json"] = Field("console", validation_alias="DOORSTEP_LOG_FORMAT")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", validation_alias="DOORSTEP_LOG_LEVEL")

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        """The data folder stays the same wherever a child process is started."""
        return value.expanduser().absolute()

    @field_validator("trusted_proxies", "allowed_origins", "secret_keys", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Lists are written with commas."""
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("osrm_urls", mode="before")
    @classmethod
    def _split_pairs(cls, value: object) -> object:
        """``car=http://…,bicycle=http://…``."""
        if not isinstance(value, str):
            return value
        pairs = [part.partition("=") for part in value.split(",") if part.strip()]
        return {name.strip(): url.strip() for name, _, url in pairs}

    @model_validator(mode="after")
    def _holds_any_operation(self) -> Self:
        """What is permitted must be possible."""
        if self.bucket_points < self.max_cost:
            raise ValueError(
                "DOORSTEP_BUCKET_POINTS must be at least DOORSTEP_MAX_COST, or no bucket holds the dearest operation"
            )
        return self

    @model_validator(mode="after")
    def _can_send_mail(self) -> Self:
        """A mail server and a sender, or neither: half of it would be found out when the first message cannot be sent."""
        if (self.smtp_url is None) != (self.mail_from is None):
            raise ValueError("DOORSTEP_SMTP_URL and DOORSTEP_MAIL_FROM belong together: set both, or neither")
        if self.smtp_url is not None:
            parts = urlsplit(self.smtp_url)
            if parts.port == 0 or parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
                raise ValueError(
                    "DOORSTEP_SMTP_URL begins with smtp:// or smtps:// and names a host, and a port if need be"
                )
        if self.mail_from is not None and "@" not in parseaddr(self.mail_from)[1]:
            raise ValueError("DOORSTEP_MAIL_FROM is an e-mail address, such as Doorstep <doorstep@example.com>")
        return self

    @property
    def embedded(self) -> bool:
        """Whether Doorstep runs its own PostgreSQL."""
        return self.database_url is None and self.database_system_url is None and self.database_owner_url is None

    def base_url(self, port: int | None = None) -> str:
        """The address that every link starts with, without a trailing slash."""
        return (self.public_url or f"http://{self.host}:{port or self.port}").rstrip("/")


@lru_cache
def get_settings() -> Settings:
    """The process's settings, read once."""
    return Settings()  # type: ignore[call-arg]
