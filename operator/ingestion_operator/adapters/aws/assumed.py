"""Sessions of boto3 with the credentials of a role. The role is assumed at the first call, and again before the session ends.

The operator's own identity assumes the role. boto3 finds that identity in environment variables, in a web identity token
(IRSA) or with the agent of Pod Identity.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import boto3
import botocore.session
from botocore.credentials import CredentialProvider, RefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from ingestion_operator.adapters.aws.client_config import client_config
from ingestion_operator.blueprint.access import Access
from ingestion_operator.errors import AccessDenied, CredentialsMissing, PipelineError, UpdateFailed
from ingestion_operator.wording import CLOCK_ADVICE, WRONG_CLOCK

if TYPE_CHECKING:
    from types_boto3_sts.client import STSClient

# This logger writes a stack trace for each refused call. Here a refusal is an error like others, and the status reports it.
logging.getLogger("botocore.credentials").setLevel(logging.ERROR)

METHOD = "assume-role"
# When the fraction EARLY of a session's time is left, one thread renews it and the others go on using it. When the fraction LATE
# is left, every thread waits for the renewal. botocore's defaults are 15 and 10 minutes for a session of any length, so
# a session of 15 minutes would be renewed at each call.
EARLY, LATE = 1 / 4, 1 / 6
EARLIEST_SECONDS, LATEST_SECONDS = 900, 600
ENDED = datetime.fromtimestamp(0, UTC)


def session_of(access: Access, region: str) -> boto3.Session:
    """A session with the operator's own credentials, or with those of the role of the access.

    Calls with it raise AccessDenied, CredentialsMissing or UpdateFailed if the role cannot be assumed.
    """
    if not access:
        return boto3.Session()
    session = botocore.session.get_session()
    resolver = session.get_component("credential_provider")
    resolver.providers.insert(0, _Role(access, region))
    return boto3.Session(botocore_session=session)


class _Role(CredentialProvider):
    """Gives botocore the credentials of the role before botocore looks anywhere else."""

    METHOD = METHOD

    def __init__(self, access: Access, region: str) -> None:
        super().__init__()
        self._access = access
        self._region = region
        self._guard = threading.Lock()
        self._sts: STSClient | None = None

    def load(self) -> RefreshableCredentials:
        """Credentials that have expired already, so that the first use begins a session."""
        seconds = self._access.session_seconds
        return RefreshableCredentials(
            access_key="",
            secret_key="",
            token="",
            expiry_time=ENDED,
            refresh_using=self._begin,
            method=METHOD,
            advisory_timeout=min(EARLIEST_SECONDS, int(seconds * EARLY)),
            mandatory_timeout=min(LATEST_SECONDS, int(seconds * LATE)),
        )

    def _begin(self) -> Mapping[str, str]:
        """A new session, in the form that botocore expects."""
        access = self._access
        try:
            credentials = self._client().assume_role(**cast(Any, request(access)))["Credentials"]
        except ClientError as error:
            raise _translated(error, access) from error
        except NoCredentialsError as error:
            raise CredentialsMissing("the operator has no AWS credentials; give its ServiceAccount a role") from error
        except BotoCoreError as error:
            raise UpdateFailed(f"assuming {access.role_arn} of AWSAccount {access.account}: {error}") from error
        return {
            "access_key": credentials["AccessKeyId"],
            "secret_key": credentials["SecretAccessKey"],
            "token": credentials["SessionToken"],
            "expiry_time": credentials["Expiration"].isoformat(),
        }

    def _client(self) -> STSClient:
        with self._guard:
            if self._sts is None:
                make: Any = boto3.Session().client
                endpoint = self._access.endpoint_url or None
                self._sts = make("sts", region_name=self._region, endpoint_url=endpoint, config=client_config())
            return self._sts


def request(access: Access) -> dict[str, Any]:
    """The parameters of AssumeRole."""
    return {
        "RoleArn": access.role_arn,
        "RoleSessionName": access.session_name,
        "DurationSeconds": access.session_seconds,
        **({"ExternalId": access.external_id} if access.external_id else {}),
        **({"Tags": [{"Key": k, "Value": v} for k, v in access.session_tags.items()]} if access.session_tags else {}),
    }


def _translated(error: ClientError, access: Access) -> PipelineError:
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    said = f"AWSAccount {access.account}: {code}: {message}"
    if code in ("AccessDenied", "AccessDeniedException"):
        return AccessDenied(
            f"{said}: the role has to exist; its trust policy has to let the operator assume it with the AWSAccount's external ID "
            "and session tags (ingestion-operator trust-policy); the operator's own policy has to allow it (iam-policy --account-role)"
        )
    if code == "ValidationError":
        return AccessDenied(
            f"{said}: AWS rejects the AWSAccount's values. sessionDurationSeconds must not exceed the role's "
            "MaxSessionDuration, nor 3600 if the operator's own identity is a role"
        )
    if WRONG_CLOCK.search(said):
        return UpdateFailed(f"{said}: {CLOCK_ADVICE}")
    if code in ("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "SignatureDoesNotMatch"):
        return CredentialsMissing(f"{said}: the operator's own AWS credentials are not valid")
    return UpdateFailed(said)
