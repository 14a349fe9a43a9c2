"""The environment variables of the function: plain values, and values from Secrets."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from ingestion_operator.model.base import Model, cel, rules
from ingestion_operator.model.fields import DATA_KEY, ObjectName

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
# Users may set TZ, PATH, LANG and similar names, and the settings of AWS's own libraries and layers, for example
# AWS_LAMBDA_EXEC_WRAPPER. The list therefore leaves them out.
RESERVED_ENVIRONMENT = (
    "RESULTS_BUCKET",
    "RESULTS_PREFIX",
    "RESULTS_TABLE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
)
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
ENVIRONMENT_LIMIT = 4096


class SecretKey(
    Model,
    json_schema_extra=rules(
        cel(
            f"self.key.matches('{DATA_KEY}')",
            "key must be the key of a Secret: only letters, digits, -, _ and .",
            ".key",
        ),
    ),
):
    """The Secret and the key that hold the value. The Secret must be in the namespace of the pipeline."""

    name: ObjectName
    """The name of the Secret."""
    key: Annotated[str, StringConstraints(min_length=1, max_length=253)]
    """The key in the data of the Secret. Its value must be text in UTF-8."""


class ValueFrom(Model):
    """The source of the value of a variable."""

    secret_key_ref: SecretKey


class EnvironmentVariable(
    Model,
    json_schema_extra=rules(
        cel(
            "self.name.matches('^[a-zA-Z][a-zA-Z0-9_]+$')",
            "the name of a variable must be a letter followed by at least one letter, digit or underscore",
            ".name",
        ),
        cel(
            f"!(self.name in [{', '.join(repr(n) for n in RESERVED_ENVIRONMENT)}])",
            "this name is reserved for Lambda (AWS_REGION, AWS_ACCESS_KEY_ID, LAMBDA_TASK_ROOT, ...) or for the operator "
            "(RESULTS_BUCKET, RESULTS_PREFIX, RESULTS_TABLE): choose another name",
            ".name",
        ),
        cel(
            "!has(self.valueFrom) || self.value == ''",
            "a variable cannot have both value and valueFrom: leave out one of them",
            ".value",
        ),
    ),
):
    """Each entry is one environment variable of the function."""

    name: Annotated[str, StringConstraints(max_length=128)]
    """The name of the variable. It begins with a letter, followed by at least one letter, digit or underscore. Names
    that Lambda or the operator sets are reserved."""
    value: Annotated[str, StringConstraints(max_length=4096)] = ""
    """The value of the variable. If it is empty and `valueFrom` is absent, the variable is an empty text. Everybody
    who may read the pipeline can read this value, so use `valueFrom` for secrets."""
    value_from: ValueFrom | None = None
    """The Secret that holds the value. It replaces `value`. The operator writes the value only to the function and,
    encrypted, to its own state. The operator deploys a change of the Secret within a minute."""
