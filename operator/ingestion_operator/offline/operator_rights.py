"""What the operator needs on AWS, as tables: for each resource type of the program and for each call of the AWS adapter.

`RIGHTS` lists, for each type, what the AWS provider needs to create, read, update, delete and tag it. `CALLS` lists what
each call of the adapter needs, and `STATE` what Pulumi needs for its state. `operator_policy` builds the policy from them.

Sources: the provider's code (https://github.com/hashicorp/terraform-provider-aws, internal/service/*, v6, on which
pulumi-aws 7 is built) for the calls; https://docs.aws.amazon.com/service-authorization/latest/reference/ (list_amazons3,
list_awsidentityandaccessmanagementiam, list_awslambda, list_amazoneventbridge, list_amazoncloudwatchlogs, list_amazonsqs,
list_amazondynamodb, list_awscloudtrail) for the actions and their resources.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum


class Feature(StrEnum):
    """What pipelines may use. Each feature adds rights to those of `core`."""

    CORE = "core"
    """Buckets (made or existing), function, role, rule, queue, log group."""
    TABLE = "table"
    """Results in DynamoDB tables that pipelines make."""
    CLOUDTRAIL = "cloudtrail"
    """`trigger: CloudTrail`, with a trail that exists or one that the pipeline makes."""
    VPC = "vpc"
    """Functions in a VPC."""
    LAYERS = "layers"
    """Functions with layers."""
    S3_CODE = "s3-code"
    """Code from objects of the named buckets."""
    KMS_CODE = "kms-code"
    """Code from objects that are encrypted with a KMS key."""
    IMAGE_CODE = "image-code"
    """Code from container images in ECR."""
    S3_STATE = "s3-state"
    """Pulumi's state in the named bucket, instead of on a volume."""
    KMS_STATE = "kms-state"
    """Secrets in Pulumi's state encrypted with the named KMS key, instead of a passphrase."""
    ACCOUNTS = "accounts"
    """Pipelines in the accounts of AWSAccounts, with the named roles."""
    PURGE = "purge"
    """`deletion.policy: Delete`: buckets and tables are deleted and, if confirmed, emptied first. Without this feature the
    operator cannot delete data."""


ALL = frozenset(Feature)


class On(StrEnum):
    """What a right applies to. Each member becomes one statement with this name."""

    BUCKETS = "Buckets"
    NEW_BUCKETS = "NewBuckets"
    OBJECTS = "PurgeObjects"
    CODE = "ReadCode"
    CODE_KEYS = "DecryptCode"
    STATE = "State"
    STATE_KEY = "EncryptState"
    ROLES = "Roles"
    READ_ROLES = "ReadRoles"
    BOUND_ROLES = "GrantToRoles"
    PASSED_ROLES = "PassRoles"
    FUNCTIONS = "Functions"
    LAYERS = "Layers"
    LOG_GROUPS = "LogGroups"
    RULES = "Rules"
    QUEUES = "Queues"
    TABLES = "Tables"
    ANY_TABLE = "ReadTables"
    COUNTED_TABLES = "CountItems"
    TRAILS = "Trails"
    ANY_TRAIL = "ReadTrails"
    REPOSITORIES = "ReadImages"
    ACCOUNT_ROLES = "AssumeRoles"
    ANYTHING = "Lists"


@dataclass(frozen=True)
class Right:
    """Actions on one kind of resource. They are granted if all of the features are on."""

    on: On
    actions: tuple[str, ...]
    features: frozenset[Feature] = frozenset({Feature.CORE})
    only_with_boundary: bool = False


def _right(on: On, actions: str, *features: Feature, only_with_boundary: bool = False) -> Right:
    service, *names = actions.split()
    right = Right(on, tuple(f"{service}:{name}" for name in names), only_with_boundary=only_with_boundary)
    return replace(right, features=frozenset(features)) if features else right


_TRAIL_READS = "cloudtrail GetTrail GetTrailStatus GetEventSelectors ListTags"
_KEEP_TAGS = "TagResource UntagResource"

# The action that writes a setting of a bucket also removes it. The policy is the exception.
RIGHTS: Mapping[str, tuple[Right, ...]] = {
    "aws:s3/bucket:Bucket": (
        # Since 6.23 the provider sends the tags with CreateBucket, which needs TagResource. The condition key of the owner
        # is empty for a bucket that does not exist yet, and a new bucket always belongs to the caller.
        _right(On.NEW_BUCKETS, "s3 CreateBucket TagResource"),
        # HeadBucket needs ListBucket. The provider reads the rest to compute attributes.
        _right(
            On.BUCKETS,
            "s3 ListBucket GetBucketLocation GetBucketAcl GetBucketCORS GetBucketWebsite GetBucketVersioning "
            "GetAccelerateConfiguration GetBucketRequestPayment GetBucketLogging GetBucketPolicy "
            "GetLifecycleConfiguration GetReplicationConfiguration GetEncryptionConfiguration "
            "GetBucketObjectLockConfiguration",
        ),
        # The provider reads and writes tags with S3 Control's calls, or with the older calls where those are not supported.
        _right(On.BUCKETS, "s3 ListTagsForResource UntagResource GetBucketTagging PutBucketTagging"),
        # No DeleteBucket: the engine retains buckets, and only the operator's own disposal deletes them.
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": (
        _right(On.BUCKETS, "s3 GetLifecycleConfiguration PutLifecycleConfiguration"),
    ),
    "aws:s3/bucketNotification:BucketNotification": (
        _right(On.BUCKETS, "s3 GetBucketNotification PutBucketNotification"),
    ),
    "aws:s3/bucketPolicy:BucketPolicy": (
        _right(On.BUCKETS, "s3 GetBucketPolicy PutBucketPolicy DeleteBucketPolicy"),
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": (
        _right(On.BUCKETS, "s3 GetBucketPublicAccessBlock PutBucketPublicAccessBlock"),
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        _right(On.BUCKETS, "s3 GetEncryptionConfiguration PutEncryptionConfiguration"),
    ),
    "aws:s3/bucketVersioning:BucketVersioning": (_right(On.BUCKETS, "s3 GetBucketVersioning PutBucketVersioning"),),
    "aws:iam/role:Role": (
        _right(On.BOUND_ROLES, "iam CreateRole"),
        # No DeleteRolePermissionsBoundary: whoever may remove the boundary is not bound by it.
        _right(On.BOUND_ROLES, "iam PutRolePermissionsBoundary", only_with_boundary=True),
        _right(On.READ_ROLES, "iam GetRole ListRolePolicies ListAttachedRolePolicies ListInstanceProfilesForRole"),
        _right(
            On.ROLES,
            "iam TagRole UntagRole UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy DeleteRole",
        ),
    ),
    "aws:iam/rolePolicy:RolePolicy": (
        _right(On.BOUND_ROLES, "iam PutRolePolicy"),
        _right(On.READ_ROLES, "iam GetRolePolicy"),
        _right(On.ROLES, "iam DeleteRolePolicy"),
    ),
    "aws:lambda/function:Function": (
        _right(
            On.FUNCTIONS,
            "lambda CreateFunction GetFunction GetFunctionConfiguration GetFunctionCodeSigningConfig "
            "ListVersionsByFunction UpdateFunctionCode UpdateFunctionConfiguration PutFunctionConcurrency "
            f"DeleteFunctionConcurrency ListTags {_KEEP_TAGS} DeleteFunction",
        ),
        _right(On.PASSED_ROLES, "iam PassRole"),
        _right(On.LAYERS, "lambda GetLayerVersion", Feature.LAYERS),
        # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html, "User permissions"
        _right(On.ANYTHING, "ec2 DescribeSecurityGroups DescribeSubnets DescribeVpcs", Feature.VPC),
        # Lambda reads the object with the rights of the caller.
        _right(On.CODE, "s3 GetObject GetObjectVersion", Feature.S3_CODE),
        _right(On.CODE_KEYS, "kms Decrypt", Feature.KMS_CODE),
        # https://docs.aws.amazon.com/lambda/latest/dg/images-create.html. Not SetRepositoryPolicy: the owner of
        # a repository decides whether Lambda may pull from it.
        _right(
            On.REPOSITORIES, "ecr BatchGetImage GetDownloadUrlForLayer GetRepositoryPolicy", Feature.IMAGE_CODE
        ),
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": (
        _right(
            On.FUNCTIONS,
            "lambda GetFunctionEventInvokeConfig PutFunctionEventInvokeConfig DeleteFunctionEventInvokeConfig",
        ),
    ),
    "aws:lambda/permission:Permission": (_right(On.FUNCTIONS, "lambda AddPermission GetPolicy RemovePermission"),),
    "aws:cloudwatch/logGroup:LogGroup": (
        _right(On.ANYTHING, "logs DescribeLogGroups"),
        _right(
            On.LOG_GROUPS,
            f"logs CreateLogGroup PutRetentionPolicy DeleteRetentionPolicy ListTagsForResource {_KEEP_TAGS} DeleteLogGroup",
        ),
    ),
    "aws:cloudwatch/eventRule:EventRule": (
        _right(On.RULES, f"events PutRule DescribeRule ListTagsForResource {_KEEP_TAGS} DeleteRule"),
    ),
    "aws:cloudwatch/eventTarget:EventTarget": (_right(On.RULES, "events PutTargets ListTargetsByRule RemoveTargets"),),
    "aws:sqs/queue:Queue": (
        _right(
            On.QUEUES,
            "sqs CreateQueue GetQueueUrl GetQueueAttributes SetQueueAttributes ListQueueTags TagQueue UntagQueue DeleteQueue",
        ),
    ),
    "aws:sqs/queuePolicy:QueuePolicy": (_right(On.QUEUES, "sqs GetQueueAttributes SetQueueAttributes"),),
    "aws:dynamodb/table:Table": (
        _right(
            On.TABLES,
            "dynamodb CreateTable DescribeTable DescribeContinuousBackups DescribeTimeToLive UpdateTable "
            f"UpdateContinuousBackups ListTagsOfResource {_KEEP_TAGS}",
            Feature.TABLE,
        ),
        # No DeleteTable: a table holds data, as a bucket does.
    ),
    "aws:cloudtrail/trail:Trail": (
        _right(
            On.TRAILS,
            "cloudtrail CreateTrail UpdateTrail PutEventSelectors StartLogging StopLogging AddTags RemoveTags DeleteTrail "
            "GetInsightSelectors",
            Feature.CLOUDTRAIL,
        ),
        _right(On.ANY_TRAIL, _TRAIL_READS, Feature.CLOUDTRAIL),
        _right(On.ANYTHING, "cloudtrail DescribeTrails", Feature.CLOUDTRAIL),
    ),
}  # fmt: skip

# https://www.pulumi.com/docs/iac/concepts/state-and-backends/, the backend on S3: checkpoints, locks, history. When the
# operator starts, it also asks whether the bucket keeps versions.
STATE: tuple[Right, ...] = (
    _right(On.STATE, "s3 ListBucket GetBucketVersioning GetObject PutObject DeleteObject", Feature.S3_STATE),
    # https://www.pulumi.com/docs/iac/concepts/secrets/#aws-key-management-service-kms
    _right(On.STATE_KEY, "kms Encrypt Decrypt", Feature.KMS_STATE),
)

_DELETE = (Feature.PURGE,)
_TAGGED = (
    _right(On.LOG_GROUPS, f"logs {_KEEP_TAGS}"),
    _right(On.FUNCTIONS, f"lambda {_KEEP_TAGS}"),
    _right(On.RULES, f"events {_KEEP_TAGS}"),
    _right(On.TABLES, f"dynamodb {_KEEP_TAGS}", Feature.TABLE),
)

# By the name of boto3's method. Several services may have a method of the same name.
CALLS: Mapping[str, tuple[Right, ...]] = {
    "get_caller_identity": (),  # needs no right
    # Tagging the session is a separate right on the same resource.
    "assume_role": (_right(On.ACCOUNT_ROLES, "sts AssumeRole TagSession", Feature.ACCOUNTS),),
    "head_bucket": (_right(On.BUCKETS, "s3 ListBucket"),),
    "list_objects_v2": (_right(On.BUCKETS, "s3 ListBucket"),),
    "get_bucket_location": (_right(On.BUCKETS, "s3 GetBucketLocation"),),
    "get_bucket_tagging": (_right(On.BUCKETS, "s3 GetBucketTagging"),),
    "put_bucket_tagging": (_right(On.BUCKETS, "s3 PutBucketTagging"),),
    "get_bucket_notification_configuration": (_right(On.BUCKETS, "s3 GetBucketNotification"),),
    "put_bucket_notification_configuration": (_right(On.BUCKETS, "s3 PutBucketNotification"),),
    "list_object_versions": (_right(On.BUCKETS, "s3 ListBucketVersions", *_DELETE),),
    "delete_objects": (_right(On.OBJECTS, "s3 DeleteObject DeleteObjectVersion", *_DELETE),),
    "list_multipart_uploads": (_right(On.BUCKETS, "s3 ListBucketMultipartUploads", *_DELETE),),
    "abort_multipart_upload": (_right(On.OBJECTS, "s3 AbortMultipartUpload", *_DELETE),),
    "delete_bucket": (_right(On.BUCKETS, "s3 DeleteBucket", *_DELETE),),
    "head_object": (_right(On.CODE, "s3 GetObject GetObjectVersion", Feature.S3_CODE),),
    "get_object": (_right(On.CODE, "s3 GetObject GetObjectVersion", Feature.S3_CODE),),
    "get_role": (_right(On.READ_ROLES, "iam GetRole"),),
    "list_role_tags": (_right(On.READ_ROLES, "iam ListRoleTags"),),
    "tag_role": (_right(On.ROLES, "iam TagRole"),),
    "untag_role": (_right(On.ROLES, "iam UntagRole"),),
    "get_function": (_right(On.FUNCTIONS, "lambda GetFunction"),),
    "get_function_configuration": (_right(On.FUNCTIONS, "lambda GetFunctionConfiguration"),),
    "get_policy": (_right(On.FUNCTIONS, "lambda GetPolicy"),),
    "describe_log_groups": (_right(On.ANYTHING, "logs DescribeLogGroups"),),
    "list_tags_for_resource": (
        _right(On.LOG_GROUPS, "logs ListTagsForResource"),
        _right(On.RULES, "events ListTagsForResource"),
    ),
    "tag_resource": _TAGGED,
    "untag_resource": _TAGGED,
    "describe_rule": (_right(On.RULES, "events DescribeRule"),),
    "list_rules": (_right(On.ANYTHING, "events ListRules"),),
    "list_targets_by_rule": (_right(On.RULES, "events ListTargetsByRule"),),
    "get_queue_url": (_right(On.QUEUES, "sqs GetQueueUrl"),),
    "get_queue_attributes": (_right(On.QUEUES, "sqs GetQueueAttributes"),),
    "list_queue_tags": (_right(On.QUEUES, "sqs ListQueueTags"),),
    "tag_queue": (_right(On.QUEUES, "sqs TagQueue"),),
    "untag_queue": (_right(On.QUEUES, "sqs UntagQueue"),),
    # An existing table is read before the function gets rights to it.
    "describe_table": (_right(On.ANY_TABLE, "dynamodb DescribeTable", Feature.TABLE),),
    "list_tags_of_resource": (_right(On.TABLES, "dynamodb ListTagsOfResource", Feature.TABLE),),
    "update_table": (_right(On.TABLES, "dynamodb UpdateTable", Feature.TABLE),),
    "scan": (_right(On.COUNTED_TABLES, "dynamodb Scan", Feature.TABLE, *_DELETE),),
    "delete_table": (_right(On.TABLES, "dynamodb DeleteTable", Feature.TABLE, *_DELETE),),
    "describe_trails": (_right(On.ANYTHING, "cloudtrail DescribeTrails", Feature.CLOUDTRAIL),),
    "get_trail": (_right(On.ANY_TRAIL, "cloudtrail GetTrail", Feature.CLOUDTRAIL),),
    "get_trail_status": (_right(On.ANY_TRAIL, "cloudtrail GetTrailStatus", Feature.CLOUDTRAIL),),
    "list_tags": (_right(On.ANY_TRAIL, "cloudtrail ListTags", Feature.CLOUDTRAIL),),
    "add_tags": (_right(On.TRAILS, "cloudtrail AddTags", Feature.CLOUDTRAIL),),
    "remove_tags": (_right(On.TRAILS, "cloudtrail RemoveTags", Feature.CLOUDTRAIL),),
    "get_event_selectors": (_right(On.ANY_TRAIL, "cloudtrail GetEventSelectors", Feature.CLOUDTRAIL),),
}  # fmt: skip
