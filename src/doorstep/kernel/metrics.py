"""The process's own figures for Prometheus, served at ``/metrics`` on a port of its own."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

REQUESTS = Counter("doorstep_requests", "GraphQL operations over HTTP, by status.", ["status"], registry=REGISTRY)
REQUEST_SECONDS = Histogram("doorstep_request_seconds", "Time to answer a GraphQL operation.", registry=REGISTRY)
ERRORS = Counter("doorstep_errors", "Top-level GraphQL errors, by code.", ["code"], registry=REGISTRY)
FAILED_SIGN_INS = Counter(
    "doorstep_failed_sign_ins",
    "Credentials that were refused, or limited without a check.",
    ["answer"],
    registry=REGISTRY,
)
SOCKETS = Gauge("doorstep_sockets", "Open WebSockets.", registry=REGISTRY)
STREAMS = Gauge("doorstep_streams", "Open streams of server-sent events.", registry=REGISTRY)
FEEDS = Gauge(
    "doorstep_feeds", "Subscriptions that are executed; those who follow the same share one.", registry=REGISTRY
)
POOL_IN_USE = Gauge("doorstep_pool_in_use", "Database connections handed out.", ["role"], registry=REGISTRY)
JOBS = Gauge("doorstep_jobs", "Jobs by state.", ["state"], registry=REGISTRY)
JOB_AGE_SECONDS = Gauge("doorstep_job_age_seconds", "Age of the oldest job that is due and waits.", registry=REGISTRY)
EVENT_LAG_SECONDS = Histogram(
    "doorstep_event_lag_seconds", "Time from an event's recording to its delivery on a stream.", registry=REGISTRY
)
SOLVER_QUEUE = Gauge("doorstep_solver_queue", "Plans that wait for a worker.", registry=REGISTRY)
