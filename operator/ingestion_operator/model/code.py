"""Where the code of the function comes from: one of four sources."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from ingestion_operator.model.base import Model, cel, rules
from ingestion_operator.model.fields import DATA_KEY, BucketName, ObjectName, bucket_name


class ConfigMapCode(
    Model,
    json_schema_extra=rules(
        cel(
            f"self.key.matches('{DATA_KEY}')",
            "key must be the key of a ConfigMap: only letters, digits, -, _ and .",
            ".key",
        ),
    ),
):
    """The ConfigMap that holds the code. It must be in the namespace of the pipeline.

    The operator deploys every change of the ConfigMap at once.
    """

    name: ObjectName
    """The name of the ConfigMap."""
    key: Annotated[str, StringConstraints(max_length=253)] = ""
    """The key that holds the source text of the handler's module. If it is empty, every key becomes a file with the
    name of the key."""


class S3Code(Model, json_schema_extra=rules(bucket_name("bucket"))):
    """The zip file in S3 that holds the code, for example the result of a build.

    Lambda accepts up to 250 MB after unpacking.
    """

    bucket: BucketName
    """The name of the bucket. It must be in the region of the pipeline, and the operator must have the right to read
    it."""
    key: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    """The key of the zip file in the bucket."""
    version_id: Annotated[str, StringConstraints(max_length=1024)] = ""
    """The version of the zip file. If it is empty, the pipeline uses the latest version, and the operator deploys a
    new one within a minute."""


# https://docs.aws.amazon.com/AmazonECR/latest/userguide/Repositories.html
IMAGE_URI = r"^[0-9]{12}[.]dkr[.]ecr[.][a-z0-9-]+[.]amazonaws[.](com([.]cn)?|eu)/[a-z0-9._/-]+(:[A-Za-z0-9._-]+)?@sha256:[0-9a-f]{64}$"


class ImageCode(
    Model,
    json_schema_extra=rules(
        cel(
            f"self.uri.matches('{IMAGE_URI}')",
            "uri must name an image in Amazon ECR by its digest, "
            "<account>.dkr.ecr.<region>.amazonaws.com/<repository>@sha256:<64 hex digits>, because a tag can move to another "
            "image",
            ".uri",
        ),
    ),
):
    """The container image that holds the code.

    The image contains its own runtime and handler, so the operator ignores `processor.runtime` and `processor.handler`.
    """

    uri: Annotated[str, StringConstraints(max_length=512)]
    """The address of the image in Amazon ECR, with its digest. The image must be in the region of the pipeline. A
    tag alone is not accepted."""


SOURCES = ("inline", "configMapRef", "s3", "image")


class Code(
    Model,
    json_schema_extra=rules(
        cel(
            " + ".join(f"(has(self.{source}) ? 1 : 0)" for source in SOURCES) + " == 1",
            "processor.code must have exactly one source: write one of inline, configMapRef, s3 and image",
        ),
    ),
):
    """The code of the function. Write exactly one of `inline`, `configMapRef`, `s3` and `image`."""

    inline: Annotated[str, StringConstraints(min_length=1, max_length=32768)] | None = None
    """The source text of the handler's module, up to 32 KiB. Use `configMapRef` or `s3` for longer code."""
    config_map_ref: ConfigMapCode | None = None
    s3: S3Code | None = None
    image: ImageCode | None = None
