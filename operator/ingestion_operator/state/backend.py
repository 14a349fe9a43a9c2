"""Where Pulumi keeps state: the meaning of a backend's URL, and the layout of the backend's files.

Normally only the CLI reads and writes the state. The operator itself uses the files only to check the backend at start-up, to
heal what a crash damaged, to remove old copies and what the CLI leaves of a removed stack, and to copy a backend.

Sources: https://www.pulumi.com/docs/iac/concepts/state-and-backends/; pulumi's
pkg/backend/diy for the layout; https://pkg.go.dev/gocloud.dev/aws and gocloud.dev/blob/s3blob for the parameters of an S3 URL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from ingestion_operator.errors import StateUnreadable
from ingestion_operator.ports.state_store import StateStore

PROJECT = "ingestion"
ROOT = ".pulumi/"
META = f"{ROOT}meta.yaml"
"""The version of the layout. All projects of a backend share this file."""
STACKS = f"{ROOT}stacks/{PROJECT}/"
LOCKS = f"{ROOT}locks/organization/{PROJECT}/"
HISTORY = f"{ROOT}history/{PROJECT}/"
BACKUPS = f"{ROOT}backups/{PROJECT}/"
DAMAGED = f"{ROOT}damaged/{PROJECT}/"
"""The operator's own: what it replaced because it was damaged, kept for a person. The CLI does not look there."""
CHECKPOINT_ENDINGS = (".json", ".json.gz", ".json.zst")

# The names of two parameters. The second name of each is an older one that the CLI accepts too.
PATH_STYLE = ("s3ForcePathStyle", "use_path_style")
WITHOUT_TLS = ("disableSSL", "disable_https")
UNDERSTOOD = frozenset({"region", "endpoint", "profile", "awssdk", *PATH_STYLE, *WITHOUT_TLS})


@dataclass(frozen=True)
class Backend:
    """A backend on a volume, or in a bucket."""

    url: str
    """The URL that the CLI gets. It contains the backend's region and style of addresses, because the CLI's environment
    contains those of the pipeline."""
    directory: str = ""
    bucket: str = ""
    prefix: str = ""
    """The beginning of every key in the bucket: empty, or with a slash at its end."""
    region: str = ""
    endpoint: str = ""
    """URL of an S3-compatible store; empty for the endpoint of the environment."""
    profile: str = ""
    path_style: bool = False

    @property
    def in_s3(self) -> bool:
        """Whether the state is in a bucket, so that processes of other hosts may work with it too."""
        return bool(self.bucket)


def parse_backend(url: str, region: str, *, path_style: bool = False) -> Backend:
    """The backend of a URL. `region` and `path_style` apply if the URL names neither.

    Raises StateUnreadable for a URL that the operator cannot use.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        # Without it the CLI writes an attributes file beside each file, and not atomically: a killed CLI leaves an empty one,
        # and then it cannot read the state ("failed to load checkpoint: EOF"). Source: https://pkg.go.dev/gocloud.dev/blob/fileblob
        return Backend(f"file://{parts.path}?metadata=skip", directory=parts.path)
    if parts.scheme == "s3" and parts.netloc:
        return _s3(parts.netloc, parts.path.strip("/"), dict(parse_qsl(parts.query)), region, path_style=path_style)
    raise StateUnreadable(
        f"{url} is not a state backend: write file:///<absolute directory>, or s3://<bucket>[/<prefix>]?region=<region>"
    )


def _s3(bucket: str, path: str, given: Mapping[str, str], region: str, *, path_style: bool) -> Backend:
    if unknown := sorted(given.keys() - UNDERSTOOD):
        raise StateUnreadable(
            f"the URL of the state backend has parameters that the operator does not know: {', '.join(unknown)}"
        )
    path_style = _flag(given, PATH_STYLE, otherwise=path_style)
    endpoint = given.get("endpoint", "")
    if endpoint and "://" not in endpoint:
        endpoint = f"{'http' if _flag(given, WITHOUT_TLS, otherwise=False) else 'https'}://{endpoint}"
    query = {**given, "region": given.get("region") or region}
    if path_style and not any(name in given for name in PATH_STYLE):
        query[PATH_STYLE[0]] = "true"
    return Backend(
        f"s3://{'/'.join(filter(None, (bucket, path)))}?{urlencode(query)}",
        bucket=bucket,
        prefix=f"{path}/" if path else "",
        region=query["region"],
        endpoint=endpoint,
        profile=given.get("profile", ""),
        path_style=path_style,
    )


def _flag(given: Mapping[str, str], names: Sequence[str], *, otherwise: bool) -> bool:
    flag = next((given[name] for name in names if name in given), None)
    return otherwise if flag is None else flag.lower() in ("true", "1", "t")


def stack_of(key: str) -> str | None:
    """The stack whose checkpoint the key names; None if the key names another file."""
    name = key.removeprefix(STACKS)
    if name == key or "/" in name:
        return None
    return next((name.removesuffix(ending) for ending in CHECKPOINT_ENDINGS if name.endswith(ending)), None)


def stacks(store: StateStore) -> frozenset[str]:
    """The project's stacks in a backend."""
    return frozenset(filter(None, map(stack_of, store.keys(STACKS))))


def checkpoint_files(keys: Sequence[str], stack: str, ending: str = "") -> tuple[str, ...]:
    """Those of the keys that are the stack's checkpoint in any compression, or the file with this ending beside it."""
    return tuple(key for key in keys if key in {f"{STACKS}{stack}{kind}{ending}" for kind in CHECKPOINT_ENDINGS})


def remnants_of(store: StateStore, stack: str) -> tuple[str, ...]:
    """What killed processes left beside the stack's files, except beside its locks."""
    beside = [key for key in store.remnants(f"{STACKS}{stack}.json") if _is_beside_checkpoint(key, stack)]
    return (*beside, *(key for kind in (BACKUPS, HISTORY) for key in store.remnants(f"{kind}{stack}/")))


def _is_beside_checkpoint(key: str, stack: str) -> bool:
    rest = key.removeprefix(f"{STACKS}{stack}")
    return re.fullmatch(r"\.json(\.gz|\.zst)?(\.bak)?(\.attrs|\.[0-9a-f]+\.tmp)", rest) is not None


def what_is_left(store: StateStore, stack: str) -> tuple[str, ...]:
    """The files that the CLI leaves of a removed stack, which it would keep forever: copies of its last states, and remnants."""
    copies = checkpoint_files(store.keys(f"{STACKS}{stack}.json"), stack, ".bak")
    old = [key for kind in (BACKUPS, HISTORY, DAMAGED) for key in store.keys(f"{kind}{stack}/")]
    return (*copies, *old, *remnants_of(store, stack))
