"""What all calls to AWS have in common: clients that are created once, and the translation of errors."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from ingestion_operator.adapters.aws.assumed import session_of
from ingestion_operator.adapters.aws.client_config import client_config
from ingestion_operator.blueprint.access import OWN, Access
from ingestion_operator.errors import AccessDenied, CredentialsMissing, PipelineError, UpdateFailed
from ingestion_operator.wording import CLOCK_ADVICE, WRONG_CLOCK

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

# At DEBUG this logger writes each answer in full. The answer of GetFunction has the function's environment, with its secrets.
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


class Clients:
    """Clients with the credentials of one access, and its endpoint or that of the environment; thread-safe."""

    def __init__(self, *, path_style: bool = False, access: Access = OWN, region: str = DEFAULT_REGION) -> None:
        self._access = access
        self._session = session_of(access, region)
        self._config = client_config(path_style=path_style or bool(access.endpoint_url))
        self._guard = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}

    def _client(self, service: str, region: str) -> Any:
        with self._guard:  # making a client is not thread-safe, using one is
            if (service, region) not in self._clients:
                make = cast(Any, partial(self._session.client, region_name=region, config=self._config))
                self._clients[service, region] = make(service, endpoint_url=self._access.endpoint_url or None)
            return self._clients[service, region]

    def cloudtrail(self, region: str) -> CloudTrailClient:
        """The client of CloudTrail."""
        return cast("CloudTrailClient", self._client("cloudtrail", region))

    def dynamodb(self, region: str) -> DynamoDBClient:
        """The client of DynamoDB."""
        return cast("DynamoDBClient", self._client("dynamodb", region))

    def events(self, region: str) -> EventBridgeClient:
        """The client of EventBridge."""
        return cast("EventBridgeClient", self._client("events", region))

    def iam(self, region: str) -> IAMClient:
        """The client of IAM."""
        return cast("IAMClient", self._client("iam", region))

    def lambda_(self, region: str) -> LambdaClient:
        """The client of Lambda."""
        return cast("LambdaClient", self._client("lambda", region))

    def logs(self, region: str) -> CloudWatchLogsClient:
        """The client of CloudWatch Logs."""
        return cast("CloudWatchLogsClient", self._client("logs", region))

    def s3(self, region: str) -> S3Client:
        """The client of S3."""
        return cast("S3Client", self._client("s3", region))

    def sqs(self, region: str) -> SQSClient:
        """The client of SQS."""
        return cast("SQSClient", self._client("sqs", region))

    def sts(self, region: str) -> STSClient:
        """The client of STS."""
        return cast("STSClient", self._client("sts", region))


@dataclass(frozen=True)
class allowing:  # noqa: N801 - reads like `contextlib.suppress`
    """Ends the block quietly if AWS answers with one of these error codes, for example because something is absent."""

    codes: Collection[str]

    def __enter__(self) -> None:
        """Nothing is needed."""

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> bool:
        """Whether the error is one of those that are allowed."""
        return isinstance(error, ClientError) and error_code(error) in self.codes


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Translate the errors of boto3 while `doing` something. Raises CredentialsMissing, AccessDenied or UpdateFailed."""
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


def translation(error: ClientError, doing: str) -> PipelineError:
    """The project's error for an answer of AWS."""
    code = error_code(error)
    message = f"{doing}: {code}: {error.response['Error'].get('Message', '')}"
    if WRONG_CLOCK.search(message):
        return UpdateFailed(f"{message}: {CLOCK_ADVICE}")
    if code in BAD_CREDENTIALS:
        return CredentialsMissing(f"{message}: the operator's AWS credentials are not valid")
    if code in DENIED:
        return AccessDenied(f"{message}: give the operator's identity this permission")
    return UpdateFailed(message)


def error_code(error: ClientError) -> str:
    """The code of an answer of AWS."""
    return str(error.response["Error"].get("Code", ""))
