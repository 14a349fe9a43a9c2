"""The CLI's messages that mean the state: where its source has them, and what a person must do.

Source: github.com/pulumi/pulumi v3.255.0, the packages named at each row. An error of S3 or KMS that goes away by itself must
match no row, so no row matches only `failed to load checkpoint` or `blob (code=...)`.
"""

from __future__ import annotations

import re

RESTORE = "restore the stack's state from a backup of the state"
UNLOCK = "check the backend for a file of the stack that is damaged"
SECRETS = "check the passphrase or the key of the state"
BACKEND = "check the state backend"
VERSION = "run the version of the operator that wrote the state"

# Go's `encoding/json` and `io` say this about a file that was cut off. The CLI puts what it was doing in front, and nothing in front
# of a lock.
_CUT_OFF = r"(unexpected end of JSON input|invalid character '.*?' |json: cannot unmarshal|unexpected EOF|EOF(?![\w])|gzip: |zstd: )"
_OF_THE_DISK = (
    r"(permission denied|read-only file system|input/output error|stale (NFS )?file handle|is a directory|not a directory|"
    r"file exists|structure needs cleaning|operation not permitted)"
)

UNREADABLE: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), advice)
    for pattern, advice in (
        # pkg/secrets/passphrase, pkg/secrets/cloud, pkg/backend/secrets, sdk/go/common/resource/config/crypt.go; gocloud.dev/secrets
        (r"incorrect passphrase|passphrase must be set|unable to read PULUMI_CONFIG_PASSPHRASE_FILE", SECRETS),
        (r"unable to construct a path the PULUMI_CONFIG_PASSPHRASE_FILE", SECRETS),
        (r"failed to (batch )?(de|en)crypt\b|(de|en)crypting secret value|secrets \(code=", SECRETS),
        (r"constructing secrets manager|no known secrets provider|unable to parse the secrets provider URL", SECRETS),
        (r"malformed state value|unknown (state|value) version|cipher: message authentication failed", SECRETS),
        (
            r"bad value: |manager: bad value|no SecretsProvider was provided|unmarshall?ing (cloud |passphrase )?state",
            SECRETS,
        ),
        # pkg/resource/stack/checkpoint.go and deployment.go: another version
        (
            r"unsupported checkpoint version|needs support for the following features|features that are not supported by",
            VERSION,
        ),
        (
            r"deployment( version)? is too (old|new)|too old to be used by this version|newer than what this version",
            VERSION,
        ),
        (r"state store unsupported", VERSION),
        # pkg/backend/diy/state.go, meta.go, stack_tags.go; pkg/resource/stack
        (
            rf"(failed to load checkpoint|place 1|read checkpoint|failed to unmarshal stack tags): (.*: )?{_CUT_OFF}",
            RESTORE,
        ),
        (r"snapshot integrity|could not deserialize deployment|error decoding", RESTORE),
        (
            r"unmarshal.*(checkpoint|deployment)|unrecognized signature|malformed (resource reference|byte string|float value)",
            RESTORE,
        ),
        (r"corrupt store|read \"\.pulumi/meta\.yaml\"|reading history file", RESTORE),
        (r"deployment uses a SecretsProvider|magic cookie mismatch", RESTORE),
        # pkg/backend/diy/lock.go, checkForLock
        (rf"error: (could not create stack: )?{_CUT_OFF}", UNLOCK),
        # pkg/backend/diy/backend.go; gocloud.dev/blob/fileblob and s3blob
        (r"open bucket|NoSuchBucket|has an illegal prefix|parsing the provided URL", BACKEND),
        (rf"\.pulumi/(meta|stacks|locks|history|backups).*: {_OF_THE_DISK}", BACKEND),
    )
)

PASSES = re.compile(
    r"operation error \w+: .*(StatusCode: (0|429|5\d\d)|request send failed|Throttl|SlowDown|RequestTimeout)|"
    r"connection (reset|refused)|i/o timeout|TLS handshake timeout|no such host|deadline exceeded",
    re.IGNORECASE,
)
DISK_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)


def advice_on(text: str) -> str | None:
    """What a person must do about a message that means the state; None for every other message, and for one that passes."""
    if PASSES.search(text):
        return None
    return next((advice for pattern, advice in UNREADABLE if pattern.search(text)), None)
