"""What several parts of the spec share: kinds of text, and the rules that refuse what AWS would not take."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from ingestion_operator.model.base import Model, cel, rules

# Literal keys only: these would be a wildcard in an ARN or in an event pattern, and match more than was meant.
LITERAL_KEY = r"^[^*?$\\]*$"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BUCKET_NAME = r"^([a-z0-9][a-z0-9-]{1,61}[a-z0-9])?$"
# https://docs.aws.amazon.com/kms/latest/developerguide/concepts-key-id.html
KEY_ARN = r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$"
KUBERNETES_NAME = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"
LITERAL_MESSAGE = "is taken literally: write 'raw/' rather than 'raw/*' (*, ?, $ and \\\\ are refused)"

KeyPart = Annotated[str, StringConstraints(min_length=1, max_length=256)]
BucketName = Annotated[str, StringConstraints(max_length=63)]
ObjectName = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=KUBERNETES_NAME)]
LIST_SET = {"x-kubernetes-list-type": "set"}
LIST_ATOMIC = {"x-kubernetes-list-type": "atomic"}


def escaped(pattern: str) -> str:
    """A regular expression as it is written in a CEL string."""
    return pattern.replace("\\", "\\\\")


def literal_list(path: str) -> dict[str, str]:
    """Refuses wildcards in a list of beginnings or endings of object keys."""
    return cel(f"self.{path}.all(p, p.matches('{escaped(LITERAL_KEY)}'))", f"each of {path} {LITERAL_MESSAGE}")


def bucket_name_rules() -> list[dict[str, str]]:
    """Refuses, in a field `name`, what is not the name of a bucket."""
    return [
        cel(
            f"self.name.matches('{BUCKET_NAME}')",
            "name must be a bucket name of 3 to 63 lower-case letters, digits and hyphens, beginning and ending with a "
            "letter or digit; leave it out for a generated one",
            ".name",
        ),
        cel(
            "!self.name.startsWith('xn--') && !self.name.startsWith('sthree-') && !self.name.startsWith('amzn-s3-demo-')"
            " && !self.name.endsWith('-s3alias') && !self.name.endsWith('--ol-s3')",
            "name begins or ends with what AWS reserves (xn--, sthree-, amzn-s3-demo-, -s3alias, --ol-s3): choose another",
            ".name",
        ),
    ]


class EncryptionType(StrEnum):
    """Who holds the key that a bucket's objects are encrypted with."""

    SSE_S3 = "SSES3"
    KMS = "KMS"


class Encryption(
    Model,
    json_schema_extra=rules(
        cel(
            f"self.type != 'KMS' || self.keyArn.matches('{KEY_ARN}')",
            "with type KMS, keyArn must be the ARN of a key, arn:aws:kms:<region>:<account>:key/<id>; an alias cannot be named "
            "in an IAM policy",
            ".keyArn",
        ),
        cel("self.type == 'KMS' || self.keyArn == ''", "keyArn is only for type KMS: write type: KMS", ".keyArn"),
    ),
):
    """How a bucket's objects are encrypted."""

    type: EncryptionType = EncryptionType.SSE_S3
    """`SSES3`: with keys that S3 holds. `KMS`: with a key of yours, which the function gets the right to use. The key's own
    policy must leave it to IAM who uses the key (as AWS's default key policy does) or name the function's role."""
    key_arn: Annotated[str, StringConstraints(max_length=256)] = ""
    """ARN of the key, with type `KMS`."""
