"""What several parts of the spec share: kinds of text, and the rules that refuse what AWS would not take."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from ingestion_operator.model.base import Model, cel, rules

# Literal keys only: these would be a wildcard in an ARN or in an event pattern, and match more than was meant.
LITERAL_KEY = r"^[^*?$\\\x00-\x1f\x7f]*$"
# What does not stand in an ARN may have a $, as the `_$folder$` of Hadoop.
LITERAL_END = r"^[^*?\\\x00-\x1f\x7f]*$"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BUCKET_NAME = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
# https://docs.aws.amazon.com/kms/latest/developerguide/concepts-key-id.html
KEY_ARN = r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$"
KUBERNETES_NAME = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*$"
# https://kubernetes.io/docs/concepts/configuration/configmap/#configmap-object
DATA_KEY = r"^[-._a-zA-Z0-9]*$"

KeyPart = Annotated[str, StringConstraints(min_length=1, max_length=256)]
BucketName = Annotated[str, StringConstraints(max_length=63)]
ObjectName = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=KUBERNETES_NAME)]
LIST_SET = {"x-kubernetes-list-type": "set"}
LIST_ATOMIC = {"x-kubernetes-list-type": "atomic"}


def escaped(pattern: str) -> str:
    """A regular expression as it is written in a CEL string."""
    return pattern.replace("\\", "\\\\")


def json_size(text: str) -> str:
    r"""The length of a text, given as a CEL expression, in a JSON string; a little more where it is not ASCII.

    What is not ASCII is written as one or two \u escapes of six characters, and takes two to four bytes in UTF-8.
    """
    return f"(5 * size(bytes({text})) - 4 * size({text}) + size({text}.split('\"')) - 1)"


def literal(field: str, value: str = "", allowed: str = LITERAL_KEY) -> dict[str, str]:
    """Refuses wildcards in a beginning or ending of object keys, or in each of a list of them."""
    pattern, refused = escaped(allowed), "*, ?, $, \\" if allowed == LITERAL_KEY else "*, ?, \\"
    what = f"self.{field}.matches('{pattern}')" if value else f"self.{field}.all(p, p.matches('{pattern}'))"
    example = "'.txt' rather than '*.txt'" if "uffixes" in field else "'raw/' rather than 'raw/*'"
    return cel(
        what,
        f"{value or f'each of {field}'} is taken literally: write {example} ({refused} and control characters are refused)",
        f".{field}",
    )


RESERVED_BEGINNINGS = ("xn--", "sthree-", "amzn-s3-demo-")
RESERVED_ENDINGS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def bucket_name(field: str, otherwise: str = "") -> dict[str, str]:
    """Refuses, in a field, what is not the name of a bucket; with `otherwise`, which says so, it may be empty."""
    allowed = f"self.{field} == '' || " if otherwise else ""
    return cel(
        f"{allowed}(self.{field}.matches('{BUCKET_NAME}') && !self.{field}.contains('..'))",
        f"{field} must be a bucket name of 3 to 63 lower-case letters, digits, hyphens and dots, beginning and ending with a "
        f"letter or digit{otherwise}",
        f".{field}",
    )


def bucket_name_rules() -> list[dict[str, str]]:
    """Refuses, in a field `name`, what is not the name of a bucket; empty stands for a generated one."""
    begins = " && ".join(f"!self.name.startsWith('{text}')" for text in RESERVED_BEGINNINGS)
    ends = " && ".join(f"!self.name.endsWith('{text}')" for text in RESERVED_ENDINGS)
    return [
        bucket_name("name", "; leave it out for a generated one"),
        cel(
            f"{begins} && {ends}",
            f"name begins or ends with what AWS reserves ({', '.join(RESERVED_BEGINNINGS + RESERVED_ENDINGS)}): choose another",
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
