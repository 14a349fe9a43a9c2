"""Sessions of boto3 with the credentials of a role that is assumed when they are first needed, and again before they end.

The identity that assumes it is the operator's own, wherever boto3 finds that: variables, a web identity token (IRSA), the agent of
Pod PipelineRecord.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialProvider, RefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from ingestion_operator.blueprint.access import Access
from ingestion_operator.errors import AccessDenied, CredentialsMissing, PipelineError, UpdateFailed

if TYPE_CHECKING:
    from types_boto3_sts.client import STSClient

# It tells of a refusal with a stack trace, at each call; here it is an error like others, and said in the status.
logging.getLogger("botocore.credentials").setLevel(logging.ERROR)

METHOD = "assume-role"
# A session is renewed by one thread when the first part of its time is left, while others go on with it, and by all when the second
# is. botocore's own are 15 and 10 minutes whatever the session's length: one of 15 minutes would be renewed at each call.
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
    """Gives botocore the credentials of the role, before it looks elsewhere."""

    METHOD = METHOD

    def __init__(self, access: Access, region: str) -> None:
        super().__init__()
        self._access = access
        self._region = region
        self._guard = threading.Lock()
        self._sts: STSClient | None = None

    def load(self) -> RefreshableCredentials:
        """Credentials that have ended: the first use begins a session."""
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
        """A new session, as botocore wants it."""
        access = self._access
        try:
            found = self._client().assume_role(**cast(Any, request(access)))["Credentials"]
        except ClientError as error:
            raise _translated(error, access) from error
        except NoCredentialsError as error:
            raise CredentialsMissing("the operator has no AWS credentials; give its ServiceAccount a role") from error
        except BotoCoreError as error:
            raise UpdateFailed(f"assuming {access.role_arn} of AWSAccount {access.account}: {error}") from error
        return {
            "access_key": found["AccessKeyId"],
            "secret_key": found["SecretAccessKey"],
            "token": found["SessionToken"],
            "expiry_time": found["Expiration"].isoformat(),
        }

    def _client(self) -> STSClient:
        with self._guard:
            if self._sts is None:
                config = Config(retries={"mode": "standard", "max_attempts": 5}, connect_timeout=5, read_timeout=30)
                make: Any = boto3.Session().client
                endpoint = self._access.endpoint_url or None
                self._sts = make("sts", region_name=self._region, endpoint_url=endpoint, config=config)
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
            f"{said}: the role has to be there, its trust policy has to let the operator assume it with the AWSAccount's external ID "
            "and session tags (ingestion-operator trust-policy), and the operator's own policy too (iam-policy --account-role)"
        )
    if code == "ValidationError":
        return AccessDenied(
            f"{said}: AWS does not take what the AWSAccount says. sessionDurationSeconds can be as long as the role's "
            "MaxSessionDuration, and an hour where the operator's own identity is a role's"
        )
    if code in ("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "SignatureDoesNotMatch"):
        return CredentialsMissing(f"{said}: the operator's own AWS credentials are not valid")
    return UpdateFailed(said)
