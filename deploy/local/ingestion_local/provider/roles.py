"""IAM: roles and their inline policies."""

from __future__ import annotations

import json
import urllib.parse
from types import MappingProxyType
from typing import Any

from typing_extensions import override

from ingestion_local.provider.calls import absent_is_fine, doing
from ingestion_local.provider.kinds import ResourceKind
from ingestion_local.provider.properties import Document, present
from ingestion_local.provider.shapes import block
from ingestion_local.provider.tags import tag_changes, tag_list, tag_map

DEFAULT_SESSION_SECONDS = 3600


class Role(ResourceKind):
    """`aws.iam.Role`."""

    type = "aws:iam/role:Role"
    service = "iam"
    inputs = block(
        "name",
        "assumeRolePolicy",
        path=None,
        description=None,
        permissionsBoundary=None,
        maxSessionDuration=None,
        tags=None,
    )
    replaces = frozenset({"name", "path"})
    json = frozenset({"assumeRolePolicy"})
    defaults = MappingProxyType({"path": "/", "maxSessionDuration": DEFAULT_SESSION_SECONDS})
    outputs = frozenset({"arn", "uniqueId", "createDate", "tagsAll"})
    follows = MappingProxyType({"tagsAll": frozenset({"tags"})})

    @override
    def create(self, inputs: Document) -> str:
        name = str(inputs["name"])
        wanted = {
            "RoleName": name,
            "AssumeRolePolicyDocument": inputs["assumeRolePolicy"],
            "Path": inputs.get("path"),
            "Description": inputs.get("description"),
            "PermissionsBoundary": inputs.get("permissionsBoundary"),
            "MaxSessionDuration": inputs.get("maxSessionDuration"),
            "Tags": tag_list(inputs.get("tags") or {}),
        }
        with doing(f"creating IAM Role ({name})", self.client):
            self.client.create_role(**present(wanted))
        return name

    @override
    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        role: Document = {}
        with absent_is_fine("NoSuchEntity"):
            role = self.client.get_role(RoleName=identity)["Role"]
        if not role:
            return None
        tags = tag_map(role.get("Tags") or [])
        role_inputs = {
            "name": identity,
            "assumeRolePolicy": _policy_text(role["AssumeRolePolicyDocument"]),
            "path": role["Path"],
            "description": role.get("Description"),
            "permissionsBoundary": (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
            "maxSessionDuration": role.get("MaxSessionDuration"),
            "tags": tags,
        }
        outputs = {
            "arn": role["Arn"],
            "uniqueId": role["RoleId"],
            "createDate": role["CreateDate"].isoformat(),
            "tagsAll": tags,
        }
        return present(role_inputs), outputs

    @override
    def update(self, identity: str, before: Document, after: Document) -> None:
        changed = set(self.changed(before, after))
        with doing(f"updating IAM Role ({identity})", self.client):
            if "assumeRolePolicy" in changed:
                self.client.update_assume_role_policy(RoleName=identity, PolicyDocument=after["assumeRolePolicy"])
            if "description" in changed:
                self.client.update_role_description(RoleName=identity, Description=after.get("description", ""))
            if "maxSessionDuration" in changed:
                seconds = after.get("maxSessionDuration", DEFAULT_SESSION_SECONDS)
                self.client.update_role(RoleName=identity, MaxSessionDuration=seconds)
            if "permissionsBoundary" in changed:
                self._bound(identity, after.get("permissionsBoundary"))
            self._tag(identity, before, after)

    @override
    def delete(self, identity: str, inputs: Document) -> None:
        with doing(f"deleting IAM Role ({identity})", self.client), absent_is_fine("NoSuchEntity"):
            self.client.delete_role(RoleName=identity)

    def _bound(self, identity: str, boundary: str | None) -> None:
        if boundary:
            self.client.put_role_permissions_boundary(RoleName=identity, PermissionsBoundary=boundary)
        else:
            self.client.delete_role_permissions_boundary(RoleName=identity)

    def _tag(self, identity: str, before: Document, after: Document) -> None:
        added, removed = tag_changes(before, after)
        if removed:
            self.client.untag_role(RoleName=identity, TagKeys=removed)
        if added:
            self.client.tag_role(RoleName=identity, Tags=tag_list(added))


class RolePolicy(ResourceKind):
    """`aws.iam.RolePolicy`. Its id is `<role>:<name>`."""

    type = "aws:iam/rolePolicy:RolePolicy"
    service = "iam"
    inputs = block("name", "role", "policy")
    replaces = frozenset({"name", "role"})
    json = frozenset({"policy"})
    outputs = frozenset()

    @override
    def create(self, inputs: Document) -> str:
        self._put(inputs)
        return f"{inputs['role']}:{inputs['name']}"

    @override
    def read(self, identity: str, inputs: Document) -> tuple[Document, Document] | None:
        role, _, name = identity.partition(":")
        role_policy: Document | None = None
        with absent_is_fine("NoSuchEntity"):
            document = self.client.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            role_policy = {"name": name, "role": role, "policy": _policy_text(document)}
        return None if role_policy is None else (role_policy, {})

    @override
    def update(self, identity: str, before: Document, after: Document) -> None:
        self._put(after)

    @override
    def delete(self, identity: str, inputs: Document) -> None:
        role, _, name = identity.partition(":")
        with doing(f"deleting IAM Role Policy ({identity})", self.client), absent_is_fine("NoSuchEntity"):
            self.client.delete_role_policy(RoleName=role, PolicyName=name)

    def _put(self, inputs: Document) -> None:
        role, name = inputs["role"], inputs["name"]
        with doing(f"putting IAM Role ({role}) Policy ({name})", self.client):
            self.client.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=inputs["policy"])


def _policy_text(document: Any) -> str:
    """A policy as text. botocore returns a parsed policy, or the text if it could not parse it."""
    if isinstance(document, str):
        return urllib.parse.unquote(document)
    return json.dumps(document, sort_keys=True)


KINDS: tuple[type[ResourceKind], ...] = (Role, RolePolicy)
