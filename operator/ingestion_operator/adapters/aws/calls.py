"""What every call to AWS has in common: clients that are made once, and errors in the project's own words."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from ingestion_operator.adapters.aws.assumed import session_of
from ingestion_operator.blueprint.access import OWN, Access
from ingestion_operator.errors import AccessDenied, CredentialsMissing, UpdateFailed

if TYPE_CHECKING:
    from types_boto3_cloudtrail.client import CloudTrailClient
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_events.client import EventBridgeClient
    from types_boto3_iam.client import IAMClient
    from types_boto3_lambda.client import LambdaClient
    from types_boto3_logs.client import CloudWatchLogsClient
    from types_boto3_s3.client import S3Client
    from types_boto3_sqs.client import SQSClient
    from types_boto3_sts.client import STSClient

# It writes down each answer as a whole, at DEBUG: that of GetFunction has the function's environment, with its secrets.
logging.getLogger("botocore.parsers").setLevel(logging.INFO)

ABSENT = {"NoSuchBucket", "NoSuchKey", "NoSuchVersion", "404", "NotFound", "NoSuchTagSet"}
DENIED = {"AccessDenied", "AccessDeniedException", "403", "Forbidden", "UnauthorizedOperation"}
DEFAULT_REGION = "us-east-1"
BAD_CREDENTIALS = {
    "InvalidClientTokenId",
    "ExpiredToken",
    "ExpiredTokenException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


class Calls:
    """Clients with the credentials of one access, and its endpoint or that of the environment; thread-safe."""

    def __init__(self, *, path_style: bool = False, access: Access = OWN, region: str = DEFAULT_REGION) -> None:
        self._access = access
        self._session = session_of(access, region)
        self._config = Config(
            retries={"mode": "standard", "max_attempts": 5},
            connect_timeout=5,
            read_timeout=30,
            s3={"addressing_style": "path" if path_style or access.endpoint_url else "auto"},
        )
        self._guard = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}

    def _client(self, service: str, region: str) -> Any:
        with self._guard:  # making a client is not thread-safe, using one is
            if (service, region) not in self._clients:
                make = cast(Any, partial(self._session.client, region_name=region, config=self._config))
                self._clients[service, region] = make(service, endpoint_url=self._access.endpoint_url or None)
            return self._clients[service, region]

    def _cloudtrail(self, region: str) -> CloudTrailClient:
        return cast("CloudTrailClient", self._client("cloudtrail", region))

    def _dynamodb(self, region: str) -> DynamoDBClient:
        return cast("DynamoDBClient", self._client("dynamodb", region))

    def _events(self, region: str) -> EventBridgeClient:
        return cast("EventBridgeClient", self._client("events", region))

    def _iam(self, region: str) -> IAMClient:
        return cast("IAMClient", self._client("iam", region))

    def _lambda(self, region: str) -> LambdaClient:
        return cast("LambdaClient", self._client("lambda", region))

    def _logs(self, region: str) -> CloudWatchLogsClient:
        return cast("CloudWatchLogsClient", self._client("logs", region))

    def _s3(self, region: str) -> S3Client:
        return cast("S3Client", self._client("s3", region))

    def _sqs(self, region: str) -> SQSClient:
        return cast("SQSClient", self._client("sqs", region))

    def _sts(self, region: str) -> STSClient:
        return cast("STSClient", self._client("sts", region))


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Translate what boto3 raises while `doing` something. Raises CredentialsMissing, AccessDenied or UpdateFailed."""
    try:
        yield
    except NoCredentialsError as error:
        raise CredentialsMissing(
            f"{doing}: the operator has no AWS credentials; give its ServiceAccount a role"
        ) from error
    except ClientError as error:
        raise translation(error, doing) from error
    except BotoCoreError as error:
        raise UpdateFailed(f"{doing}: {error}") from error


def translation(error: ClientError, doing: str) -> Exception:
    """The project's error for an answer of AWS."""
    code = error_code(error)
    message = f"{doing}: {code}: {error.response['Error'].get('Message', '')}"
    if code in BAD_CREDENTIALS:
        return CredentialsMissing(f"{message}: the operator's AWS credentials are not valid")
    if code in DENIED:
        return AccessDenied(f"{message}: give the operator's identity this permission")
    return UpdateFailed(message)


def error_code(error: ClientError) -> str:
    """The code of an answer of AWS."""
    return str(error.response["Error"].get("Code", ""))
