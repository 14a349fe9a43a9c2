"""Every message of the CLI that means the state becomes StateUnreadable with what to do, and what goes away by itself does not."""

from __future__ import annotations

import pytest

from ingestion_operator.adapters.pulumi.failures import classify
from ingestion_operator.adapters.pulumi.state_messages import BACKEND, RESTORE, SECRETS, UNLOCK, VERSION
from ingestion_operator.errors import AccessDenied, DiskFull, PipelineError, StateUnreadable, UpdateFailed

LOADING = "error: getting stack configuration: get stack secrets manager: "
BLOB = 'blob (key ".pulumi/stacks/ingestion/x.json") (code=Unknown): '

# tests/integration/test_state_damage.py makes the CLI say those that damage can cause; the others are from its source.
MESSAGES = [
    # pkg/backend/diy/state.go, pkg/resource/stack/checkpoint.go
    ("error: failed to load checkpoint: EOF", RESTORE),
    (f"error: failed to load checkpoint: {BLOB}unexpected EOF", RESTORE),
    (f"{LOADING}failed to load checkpoint: place 1: unexpected end of JSON input", RESTORE),
    (f"{LOADING}failed to load checkpoint: place 1: invalid character '\\x00' looking for beginning of value", RESTORE),
    (f"{LOADING}failed to load checkpoint: json: cannot unmarshal string into Go value of type int", RESTORE),
    ("error: guess stack x project: read checkpoint: gzip: invalid header", RESTORE),
    (f"{LOADING}failed to load checkpoint: unsupported checkpoint version 9", VERSION),
    (f"{LOADING}failed to load checkpoint: this stack's deployment needs support for the following features: nope", VERSION),
    ("error: The Pulumi CLI encountered a snapshot integrity error. This is a bug!", RESTORE),
    ("error: snapshot integrity failure; refusing to use it: duplicate resource urn", RESTORE),
    ("x.json: snapshot integrity failure; it was already written, but is invalid (backup available at x.json.bak)", RESTORE),
    ("error: failed to load stack tags: failed to unmarshal stack tags: unexpected end of JSON input", RESTORE),
    ("error: reading history file x.history.json: unexpected end of JSON input", RESTORE),
    # pkg/resource/stack/deployment.go
    ("error: could not deserialize deployment: unexpected end of JSON input", RESTORE),
    ("error: malformed resource reference: missing urn", RESTORE),
    ("error: malformed byte string: missing or non-string 'value' field", RESTORE),
    ("error: unrecognized signature 'x' in property map", RESTORE),
    ("error: the stack 'x' is too old to be used by this version of the Pulumi CLI", VERSION),
    ("error: the stack 'x' is newer than what this version of the Pulumi CLI understands. Please update", VERSION),
    ("error: the stack 'x' uses features that are not supported by this version of the Pulumi CLI: y", VERSION),
    ("error: this stack's deployment version is too new", VERSION),
    # pkg/backend/diy/meta.go and backend.go
    ('error: read ".pulumi/meta.yaml": EOF', RESTORE),
    ('error: corrupt store: missing version in ".pulumi/meta.yaml"', RESTORE),
    ('error: corrupt store: unmarshal ".pulumi/meta.yaml": yaml: line 1: did not find expected node content', RESTORE),
    ("error: state store unsupported: 'meta.yaml' version (9) is not supported by this version", VERSION),
    # pkg/backend/diy/lock.go
    ("error: unexpected end of JSON input", UNLOCK),
    ("error: could not create stack: unexpected end of JSON input", UNLOCK),
    ("error: invalid character '\\x00' looking for beginning of value", UNLOCK),
    # pkg/secrets, pkg/backend/secrets, sdk/go/common/resource/config/crypt.go, gocloud.dev/secrets
    ("error: incorrect passphrase", SECRETS),
    (f"{LOADING}failed to decrypt: incorrect passphrase, please set PULUMI_CONFIG_PASSPHRASE to the correct one", SECRETS),
    (f"{LOADING}bad value: nonce size is incorrect", SECRETS),
    (f"{LOADING}decrypting secret value: failed to decrypt: snapshot contains encrypted secrets but no secrets manager", SECRETS),
    (f'{LOADING}no known secrets provider for type "nope"', SECRETS),
    (f'{LOADING}constructing secrets manager of type "passphrase": constructing secrets manager: malformed state value', SECRETS),
    ("error: constructing secrets manager: unknown state version", SECRETS),
    ("error: could not create secrets manager for new stack: unable to read PULUMI_CONFIG_PASSPHRASE_FILE: open /p: no such", SECRETS),
    ("error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE", SECRETS),
    ("error: unable to parse the secrets provider URL: parse", SECRETS),
    ("error: unmarshalling cloud state: unexpected end of JSON input", SECRETS),
    ("error: secrets (code=NotFound): operation error KMS: Decrypt, StatusCode: 400, NotFoundException: no key", SECRETS),
    # gocloud.dev/blob
    ("error: unable to open bucket file:///s?metadata=skip: stat /s: no such file or directory", BACKEND),
    ("error: could not list bucket: blob (code=NotFound): operation error S3: ListObjectsV2, StatusCode: 404, NoSuchBucket", BACKEND),
    (f"error: An IO error occurred while writing the new snapshot file: {BLOB}open /s/.pulumi/x: read-only file system", BACKEND),
    ("error: open /s/.pulumi/locks/organization/ingestion/x/1.json.18ab.tmp: permission denied", BACKEND),
    ("error: rename /s/.pulumi/stacks/x.json.18.tmp /s/.pulumi/stacks/x.json: file exists", BACKEND),
]  # fmt: skip


@pytest.mark.parametrize(("message", "advice"), MESSAGES, ids=lambda text: text[-40:])
def test_a_message_about_the_state_says_what_to_do(message: str, advice: str) -> None:
    error = classify((message,))
    assert (type(error), str(error)) == (StateUnreadable, f"{message}: {advice}")


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (f"error: failed to load checkpoint: {BLOB}operation error S3: GetObject, StatusCode: 503, SlowDown", UpdateFailed),
        (f'error: failed to load checkpoint: {BLOB}operation error S3: GetObject, request send failed, Get "x": EOF', UpdateFailed),
        ("error: secrets (code=Unknown): operation error KMS: Decrypt, StatusCode: 400, ThrottlingException", UpdateFailed),
        (f"error: failed to load checkpoint: {BLOB}read tcp 10.0.0.1:443: connection reset by peer", UpdateFailed),
        (f"error: failed to load checkpoint: {BLOB}operation error S3: GetObject, StatusCode: 403, AccessDenied", AccessDenied),
        ("role: creating IAM Role: deserialization failed, failed to decode response body, invalid character '<'", UpdateFailed),
        ("function: rpc error: code = Unavailable desc = error reading from server: EOF", UpdateFailed),
        (f"role: failed to save snapshot: {BLOB}write /s/.pulumi/stacks/x.json.18.tmp: no space left on device", DiskFull),
        ("error: 2 errors occurred: 1) write /s/.pulumi/locks/1.json.18.tmp: no space left on device 2) Unknown", DiskFull),
        ("error: saving update info: copy_file_range: disk quota exceeded", DiskFull),
    ],
    ids=lambda value: value[-40:] if isinstance(value, str) else "",
)  # fmt: skip
def test_what_goes_away_by_itself_or_has_another_cause_is_not_the_states(
    message: str, kind: type[PipelineError]
) -> None:
    assert type(classify((message,))) is kind
