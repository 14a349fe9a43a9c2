"""Where AWS is and who asks it, according to the environment and the program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlparse

from ingestion_local.provider.calls import Refused
from ingestion_local.provider.configuration import TEST_NETWORK, Configuration, is_an_emulators


@dataclass(frozen=True)
class AwsAccess:
    """The endpoint, the region and the credentials of AWS, from the environment and the program."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str
    session_token: str | None = None
    configuration: Configuration = Configuration()


def access_of(environment: Mapping[str, str], configuration: Configuration = Configuration()) -> AwsAccess:  # noqa: B008 - frozen
    """The access to the emulator that the environment names. No profile and no metadata service is used. Raises Refused.

    The program's own configuration of the provider comes first.
    """
    endpoint = loopback_endpoint(environment)
    region = configuration.region or environment.get("AWS_REGION", "") or environment.get("AWS_DEFAULT_REGION", "")
    wanted = {name: environment.get(name, "") for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    for name, value in {"AWS_REGION": region, **wanted}.items():
        if not value:
            raise Refused(f"{name} is not set: the stand-in reads its configuration from the environment")
    return AwsAccess(
        endpoint,
        region,
        wanted["AWS_ACCESS_KEY_ID"],
        wanted["AWS_SECRET_ACCESS_KEY"],
        environment.get("AWS_SESSION_TOKEN"),
        configuration,
    )


def loopback_endpoint(environment: Mapping[str, str]) -> str:
    """The emulator's URL. Raises Refused if there is none or if it is neither on this machine nor in a test network."""
    endpoint = environment.get("AWS_ENDPOINT_URL", "")
    if not is_an_emulators(urlparse(endpoint).hostname):
        raise Refused(
            f"AWS_ENDPOINT_URL is {endpoint!r}: the stand-in talks only to an emulator on loopback or in "
            f"{TEST_NETWORK}, never to AWS"
        )
    return endpoint
