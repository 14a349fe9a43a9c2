"""Makes a user in the emulator of this pod: `python -m ingestion_local.emulator_user NAME < policies.json`.

This is for an emulator that only a shell in its pod reaches. The user may do what the policies allow, and nothing else. The
command prints the user's keys as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import boto3


def make_user(iam: Any, name: str, policies: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Create the user with its policies. Returns its keys under the names of the SDK's variables."""
    iam.create_user(UserName=name)
    for number, document in enumerate(policies):
        made = iam.create_policy(PolicyName=f"{name}-{number}", PolicyDocument=json.dumps(document))
        iam.attach_user_policy(UserName=name, PolicyArn=made["Policy"]["Arn"])
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def main() -> None:
    """Create the user as the emulator's root. The pod's environment has the keys of root."""
    iam = boto3.client(
        "iam",
        endpoint_url=f"https://127.0.0.1:{os.environ['GATEWAY_PORT']}",
        verify=os.environ["MINISTACK_SSL_CERT"],
        region_name=os.environ["MINISTACK_REGION"],
    )
    sys.stdout.write(json.dumps(make_user(iam, sys.argv[1], json.load(sys.stdin))) + "\n")


if __name__ == "__main__":
    main()
