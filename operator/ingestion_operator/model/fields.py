"""Types and rules that several parts of the spec share: names, keys and the encryption of a bucket.

The rules refuse values that AWS would not accept.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from ingestion_operator.model.base import Model, cel, rules

# The refused characters are wildcards in an ARN or in an event pattern. They would match more than the user means.
LITERAL_KEY = r"^[^*?$\\\x00-\x1f\x7f]*$"
# Text that never becomes part of an ARN may contain $, for example the suffix `_$folder$` of Hadoop.
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
    """A regular expression, escaped for a CEL string."""
    return pattern.replace("\\", "\\\\")


def json_size(text: str) -> str:
    r"""A CEL expression for the length of a text inside a JSON string. `text` is a CEL expression too.

    The result is a little too large for text that is not ASCII. JSON writes each such character as one or two \u
    escapes of six characters each, and the character takes two to four bytes in UTF-8.
    """
    return f"(5 * size(bytes({text})) - 4 * size({text}) + size({text}.split('\"')) - 1)"


def literal(field: str, value: str = "", allowed: str = LITERAL_KEY) -> dict[str, str]:
    """Refuses wildcards in a prefix or suffix of object keys, or in every entry of a list of them."""
    pattern, refused = escaped(allowed), "*, ?, $, \\" if allowed == LITERAL_KEY else "*, ?, \\"
    what = f"self.{field}.matches('{pattern}')" if value else f"self.{field}.all(p, p.matches('{pattern}'))"
    example = "'.txt' instead of '*.txt'" if "uffixes" in field else "'raw/' instead of 'raw/*'"
    return cel(
        what,
        f"{f'{value} is' if value else f'{field} are'} literal text: write {example} ({refused} and control characters are not "
        "allowed)",
        f".{field}",
    )


RESERVED_BEGINNINGS = ("xn--", "sthree-", "amzn-s3-demo-")
RESERVED_ENDINGS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def bucket_name(field: str, otherwise: str = "") -> dict[str, str]:
    """Refuses a value of a field that is not the name of a bucket.

    `otherwise` allows an empty field too; the message ends with this text, which says what an empty field means.
    """
    allowed = f"self.{field} == '' || " if otherwise else ""
    return cel(
        f"{allowed}(self.{field}.matches('{BUCKET_NAME}') && !self.{field}.contains('..'))",
        f"{field} must be a bucket name of 3 to 63 lower-case letters, digits, hyphens and dots that begins and ends with a "
        f"letter or digit{otherwise}",
        f".{field}",
    )


def bucket_name_rules() -> list[dict[str, str]]:
    """Refuses a field `name` that is not the name of a bucket. An empty field stands for a generated name."""
    begins = " && ".join(f"!self.name.startsWith('{text}')" for text in RESERVED_BEGINNINGS)
    ends = " && ".join(f"!self.name.endsWith('{text}')" for text in RESERVED_ENDINGS)
    return [
        bucket_name("name", "; leave it out to get a generated name"),
        cel(
            f"{begins} && {ends}",
            f"name begins or ends with text that AWS reserves ({', '.join(RESERVED_BEGINNINGS + RESERVED_ENDINGS)}): choose another "
            "name",
            ".name",
        ),
    ]


class EncryptionType(StrEnum):
    """Who owns the key that encrypts the objects of a bucket."""

    SSE_S3 = "SSES3"
    KMS = "KMS"


class Encryption(
    Model,
    json_schema_extra=rules(
        cel(
            f"self.type != 'KMS' || self.keyArn.matches('{KEY_ARN}')",
            "with type KMS, keyArn must be the ARN of a key, arn:aws:kms:<region>:<account>:key/<id>; write the key instead of an "
            "alias, because an IAM policy cannot name an alias",
            ".keyArn",
        ),
        cel(
            "self.type == 'KMS' || self.keyArn == ''",
            "keyArn works only with type KMS: write type: KMS, or leave out keyArn",
            ".keyArn",
        ),
    ),
):
    """The encryption of the objects in the bucket."""

    type: EncryptionType = EncryptionType.SSE_S3
    """The owner of the key. With `SSES3`, the default, S3 encrypts objects with its own keys. With `KMS`, S3
    encrypts objects with your key, and the operator gives the function the right to use the key. The policy of
    the key must also allow this: it must let IAM decide who uses the key, as AWS's default key policy does, or it
    must name the function's role."""
    key_arn: Annotated[str, StringConstraints(max_length=256)] = ""
    """The ARN of the KMS key. Type `KMS` needs it; type `SSES3` does not allow it. An alias is not accepted."""
