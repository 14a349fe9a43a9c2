"""What the API server says of specs that it refuses: written out, not taken from the models, as it is what a user reads."""

from __future__ import annotations

BUCKET_RULE = (
    "name must be a bucket name of 3 to 63 lower-case letters, digits, hyphens and dots, beginning and ending with a letter or "
    "digit; leave it out for a generated one"
)
PACKAGE_BUCKET = BUCKET_RULE.replace("name must", "bucket must").partition(";")[0]
RESERVED_BUCKET = (
    "name begins or ends with what AWS reserves (xn--, sthree-, amzn-s3-demo-, -s3alias, --ol-s3, .mrap, --x-s3, --table-s3): "
    "choose another"
)
ONE_SOURCE = "exactly one code source is needed: write one of processor.code.inline, configMapRef, s3 and image"
IMAGE_RULE = (
    "uri must be an image of Amazon ECR with its digest, <account>.dkr.ecr.<region>.amazonaws.com/<repository>@sha256:<64 hex "
    "digits>: a tag can be moved to another image"
)
CONFIG_MAP_KEY = "key is a key of a ConfigMap: letters, digits, -, _ and ."
SECRET_KEY = "key is a key of a Secret: letters, digits, -, _ and ."
VARIABLE_RULE = "an environment name is a letter followed by at least one letter, digit or underscore"
RESERVED_VARIABLE = (
    "this environment name is reserved by Lambda (AWS_REGION, AWS_ACCESS_KEY_ID, LAMBDA_TASK_ROOT, ...) or by the operator "
    "(RESULTS_BUCKET, RESULTS_PREFIX, RESULTS_TABLE): choose another"
)
TWO_VALUES = "a variable has either a value or valueFrom: leave one of them out"
ENVIRONMENT_SIZE = (
    "the environment, with RESULTS_BUCKET and the like and written as JSON, is longer than 4,096 bytes, Lambda's limit: put "
    "larger settings into a file of the code"
)
LITERAL = "is taken literally: write 'raw/' rather than 'raw/*' (*, ?, $, \\ and control characters are refused)"
LITERAL_EXCLUDED = "is taken literally: write 'raw/' rather than 'raw/*' (*, ?, \\ and control characters are refused)"
LITERAL_END = "is taken literally: write '.txt' rather than '*.txt' (*, ?, \\ and control characters are refused)"
PATTERN_SIZE = (
    "the filter makes an event pattern of more than 2,048 characters, EventBridge's limit, in which each prefix with each suffix "
    "is one entry: write fewer or shorter ones, or spread them over several pipelines"
)
NOT_BOTH = (
    "EventBridge cannot say 'begins with raw/ but not with raw/tmp/': write either prefixes and suffixes, or excludePrefixes and "
    "excludeSuffixes"
)
NO_SIZE = "CloudTrail's events do not tell an object's size: leave minSizeBytes and maxSizeBytes out, or write trigger: EventBridge"
NO_TRAIL = "source.cloudTrail is only for trigger: CloudTrail; leave it out, or write trigger: CloudTrail"
TRAIL_RULE = "trailArn must be arn:aws:cloudtrail:<region>:<account>:trail/<name>; leave it out to have a trail made"
HANDLER_RULE = "handler is <module>.<function>, for example index.handler for a function called handler in index.py"
BLOCKED = "this runtime is blocked by AWS: write python3.11, or better python3.13"
UNKNOWN_RUNTIME = (
    "runtime must be one of python3.9, python3.10, python3.11, python3.12, python3.13, python3.14; for another language, use "
    "code.image"
)
LAYER_RULE = "a layer is the ARN of one version, arn:aws:lambda:<region>:<account>:layer:<name>:<version>"
LAYER_ONCE = "a function takes a layer in one version only: name each layer once"
LAYER_REGION = "a function takes layers of its own region only: name layers of spec.region"
SUBNET_RULE = "each of subnetIds is subnet- and 8 or 17 hexadecimal digits"
GROUP_RULE = "each of securityGroupIds is sg- and 8 or 17 hexadecimal digits"
ACTION_RULE = (
    "an action is <service>:<operation>, for example sqs:SendMessage or dynamodb:Get*: name what the function needs"
)
IDENTITY_RULE = (
    "a function is not given rights to change who may do what (iam, sts, organizations, account, sso, identitystore, "
    "rolesanywhere): ask an administrator for a role elsewhere"
)
RESOURCE_RULE = "a resource is an ARN, for example arn:aws:sqs:eu-west-1:123456789012:jobs, or * where the service knows nothing narrower"
PARTITION_RULE = (
    "a resource is of the partition of spec.region: arn:aws:, or arn:aws-cn:, arn:aws-us-gov: or arn:aws-eusc: in these"
)
POLICY_SIZE = (
    "permissions and the filter's prefixes make an IAM policy of more than 10,240 characters, IAM's limit: name fewer or shorter "
    "resources and prefixes"
)
KEY_RULE = (
    "with type KMS, keyArn must be the ARN of a key, arn:aws:kms:<region>:<account>:key/<id>; an alias cannot be named in an IAM "
    "policy"
)
KEY_ONLY = "keyArn is only for type KMS: write type: KMS"
KEY_REGION = "a bucket's key is of the bucket's own region: name a key of spec.region"
TABLE_RULE = "name must be a table name of 3 to 255 letters, digits, dots, hyphens and underscores; leave it out for a generated one"
ATTRIBUTE_RULE = "is the name of an attribute: letters, digits, dots, hyphens and underscores"
REGION_RULE = "region is the code of an AWS region, for example eu-west-1"
TAG_KEY = (
    "tag keys are 1 to 128 letters, digits, spaces and _.:/=+@- and must not begin with aws: or ingestion-operator.io/, which AWS "
    "and the operator set themselves"
)
TAG_VALUE = "tag values are letters, digits, spaces and _.:/=+@-"
TAG_CASE = "IAM takes tag keys that differ only in upper and lower case for one: write the key once"
LOOP = (
    "results.bucket is the source bucket and its prefix is inside the filter, so each result would start the function again, "
    "without end: write results under a prefix outside source.filter.prefixes or inside excludePrefixes, or leave "
    "results.bucket.name out"
)
OBJECT_NAME = "should match '^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*$'"
