"""The stand-in's credentials: those of the environment, or those of a role, which it assumes again before a session ends.

This module is imported late, because the import of botocore takes most of the plugin's start-up time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialProvider, Credentials, RefreshableCredentials
from botocore.loaders import Loader

from ingestion_local.provider.access import AwsAccess
from ingestion_local.provider.configuration import Role

METHOD = "assume-role"
# A session is renewed when it has less time left than this.
WINDOW_SECONDS = 60
ENDED = datetime.fromtimestamp(0, UTC)
# It keeps the descriptions of services that it has read. All sessions share it, so each description is read once.
LOADER = Loader()


def session_of(access: AwsAccess) -> Any:
    """A botocore session with the credentials of the access, or of its role."""
    own = _new_session()
    own.set_credentials(access.access_key, access.secret_key, access.session_token)
    role = access.configuration.role
    if role is None:
        return own
    session = _new_session()
    session.get_component("credential_provider").providers.insert(0, _Assumed(own, access, role))
    return session


def _new_session() -> Any:
    session = botocore.session.get_session()
    session.register_component("data_loader", LOADER)
    return session


class _Assumed(CredentialProvider):
    """Gives botocore the credentials of the role before it looks elsewhere."""

    METHOD = METHOD

    def __init__(self, own: Any, access: AwsAccess, role: Role) -> None:
        super().__init__()
        self._role = role
        endpoint = access.configuration.endpoints.get("sts", access.endpoint)
        config = Config(retries={"mode": "standard"}, proxies={})
        self._sts = own.create_client("sts", region_name=access.region, endpoint_url=endpoint, config=config)

    def load(self) -> Credentials:
        """Credentials that have expired already, so that the first use begins a session."""
        return RefreshableCredentials(
            access_key="",
            secret_key="",
            token="",
            expiry_time=ENDED,
            refresh_using=self._begin,
            method=METHOD,
            advisory_timeout=WINDOW_SECONDS,
            mandatory_timeout=WINDOW_SECONDS,
        )

    def _begin(self) -> Mapping[str, str]:
        role = self._role
        external: Any = {"ExternalId": role.external_id} if role.external_id else {}
        tags: Any = {"Tags": [{"Key": k, "Value": v} for k, v in role.tags.items()]} if role.tags else {}
        credentials = self._sts.assume_role(
            RoleArn=role.arn, RoleSessionName=role.session_name, DurationSeconds=role.seconds, **external, **tags
        )["Credentials"]
        return {
            "access_key": credentials["AccessKeyId"],
            "secret_key": credentials["SecretAccessKey"],
            "token": credentials["SessionToken"],
            "expiry_time": credentials["Expiration"].isoformat(),
        }
