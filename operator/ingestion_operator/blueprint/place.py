"""Where a pipeline is built: account, region and partition, and the ARNs that follow from them."""

from __future__ import annotations

from dataclasses import dataclass

# https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
PARTITIONS = {"cn": "aws-cn", "us-gov": "aws-us-gov", "eusc": "aws-eusc"}
DNS_SUFFIXES = {"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu"}


def partition_of(region: str) -> str:
    """The partition of a region, by the beginning of the region's code."""
    return next((name for beginning, name in PARTITIONS.items() if region.startswith(f"{beginning}-")), "aws")


@dataclass(frozen=True)
class Place:
    """Where a pipeline is built: account, region, partition (`aws`, `aws-cn`, `aws-us-gov`), and the roles' permissions boundary."""

    account_id: str
    region: str
    partition: str = "aws"
    permissions_boundary: str = ""
    """ARN of the policy that bounds every role; empty if the administrator has set none."""

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource in this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account_id}:{resource}"

    def role_arn(self, role: str) -> str:
        """The ARN of a role, which is in no region. `role` is its path, without the first slash, and its name."""
        return f"arn:{self.partition}:iam::{self.account_id}:role/{role}"

    def bucket_arn(self, bucket: str) -> str:
        """The ARN of a bucket. It contains neither account nor region."""
        return f"arn:{self.partition}:s3:::{bucket}"

    def service(self, name: str) -> str:
        """The DNS name of a service in this region, in the form that `kms:ViaService` uses."""
        return f"{name}.{self.region}.{DNS_SUFFIXES.get(self.partition, 'amazonaws.com')}"
