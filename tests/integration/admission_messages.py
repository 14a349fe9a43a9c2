"""The messages of the API server about refused specs.

They are written out here and not taken from the models, because a user reads them.
"""

from __future__ import annotations

BUCKET_RULE = (
    "name must be a bucket name of 3 to 63 lower-case letters, digits, hyphens and dots that begins and ends with a letter or "
    "digit; leave it out to get a generated name"
)
PACKAGE_BUCKET = BUCKET_RULE.replace("name must", "bucket must").partition(";")[0]
RESERVED_BUCKET = (
    "name begins or ends with text that AWS reserves (xn--, sthree-, amzn-s3-demo-, -s3alias, --ol-s3, .mrap, --x-s3, --table-s3): "
    "choose another name"
)
ONE_SOURCE = "processor.code must have exactly one source: write one of inline, configMapRef, s3 and image"
IMAGE_RULE = (
    "uri must name an image in Amazon ECR by its digest, <account>.dkr.ecr.<region>.amazonaws.com/<repository>@sha256:<64 hex "
    "digits>, because a tag can move to another image"
)
CONFIG_MAP_KEY = "key must be the key of a ConfigMap: only letters, digits, -, _ and ."
SECRET_KEY = "key must be the key of a Secret: only letters, digits, -, _ and ."
VARIABLE_RULE = "the name of a variable must be a letter followed by at least one letter, digit or underscore"
RESERVED_VARIABLE = (
    "this name is reserved for Lambda (AWS_REGION, AWS_ACCESS_KEY_ID, LAMBDA_TASK_ROOT, ...) or for the operator (RESULTS_BUCKET, "
    "RESULTS_PREFIX, RESULTS_TABLE): choose another name"
)
TWO_VALUES = "a variable cannot have both value and valueFrom: leave out one of them"
ENVIRONMENT_SIZE = (
    "the environment takes more than 4,096 bytes as JSON, which is Lambda's limit (RESULTS_BUCKET, RESULTS_PREFIX and "
    "RESULTS_TABLE count too): put larger settings into a file of the code"
)
LITERAL = "literal text: write 'raw/' instead of 'raw/*' (*, ?, $, \\ and control characters are not allowed)"
LITERAL_EXCLUDED = "literal text: write 'raw/' instead of 'raw/*' (*, ?, \\ and control characters are not allowed)"
LITERAL_END = "literal text: write '.txt' instead of '*.txt' (*, ?, \\ and control characters are not allowed)"
PATTERN_SIZE = (
    "the filter makes an event pattern longer than 2,048 characters, which is EventBridge's limit; the pattern has one entry for "
    "every pair of a prefix and a suffix: write fewer or shorter prefixes and suffixes, or use several pipelines"
)
NOT_BOTH = (
    "EventBridge cannot match 'begins with raw/ but not with raw/tmp/': write either prefixes and suffixes, or excludePrefixes and "
    "excludeSuffixes"
)
NO_SIZE = (
    "CloudTrail's events do not contain the size of an object: leave out minSizeBytes and maxSizeBytes, or write trigger: "
    "EventBridge"
)
NO_TRAIL = (
    "source.cloudTrail works only with trigger: CloudTrail; leave out source.cloudTrail, or write trigger: CloudTrail"
)
TRAIL_RULE = "trailArn must be the ARN of a trail, arn:aws:cloudtrail:<region>:<account>:trail/<name>; leave it out to get a new trail"
HANDLER_RULE = (
    "handler must be <module>.<function>, for example index.handler for the function handler in the file index.py"
)
BLOCKED = "AWS has blocked this runtime: write python3.11, or better python3.13"
UNKNOWN_RUNTIME = (
    "runtime must be one of python3.9, python3.10, python3.11, python3.12, python3.13, python3.14; for another language, use "
    "code.image"
)
LAYER_RULE = "a layer must be the ARN of a layer version, arn:aws:lambda:<region>:<account>:layer:<name>:<version>"
LAYER_ONCE = "a function can use only one version of a layer: name each layer once"
LAYER_REGION = "a function can use only layers of its own region: name layers of spec.region"
SUBNET_RULE = "every entry of subnetIds must be subnet- followed by 8 or 17 hexadecimal digits"
GROUP_RULE = "every entry of securityGroupIds must be sg- followed by 8 or 17 hexadecimal digits"
ACTION_RULE = "an action must be <service>:<operation>, for example sqs:SendMessage or dynamodb:Get*: name what the function needs"
IDENTITY_RULE = (
    "a function cannot get rights that change who may do what (iam, sts, organizations, account, sso, identitystore, "
    "rolesanywhere): leave these actions out, and ask an administrator to do this work outside of the pipeline"
)
RESOURCE_RULE = (
    "a resource must be an ARN, for example arn:aws:sqs:eu-west-1:123456789012:jobs; write * only if the service does not accept a "
    "narrower resource"
)
PARTITION_RULE = (
    "a resource must be in the partition of spec.region: begin its ARN with arn:aws:, or in the other partitions with arn:aws-cn:, "
    "arn:aws-us-gov: or arn:aws-eusc:"
)
POLICY_SIZE = (
    "the permissions and prefixes make an IAM policy longer than 10,240 characters, which is IAM's limit: write fewer or shorter "
    "resources and prefixes"
)
KEY_RULE = (
    "with type KMS, keyArn must be the ARN of a key, arn:aws:kms:<region>:<account>:key/<id>; write the key instead of an "
    "alias, because an IAM policy cannot name an alias"
)
KEY_ONLY = "keyArn works only with type KMS: write type: KMS, or leave out keyArn"
KEY_REGION = "the key must be in the region of its bucket: name a key of spec.region"
TABLE_RULE = "name must be a table name of 3 to 255 letters, digits, dots, hyphens and underscores; leave it out to get a generated name"
ATTRIBUTE_RULE = "must be an attribute name of letters, digits, dots, hyphens and underscores"
REGION_RULE = "region must be the code of an AWS region, for example eu-west-1"
TAG_KEY = (
    "a tag key must have 1 to 128 letters, digits, spaces and _.:/=+@- and must not begin with aws: or ingestion-operator.io/, which "
    "AWS and the operator reserve"
)
TAG_VALUE = "a tag value may have only letters, digits, spaces and _.:/=+@-"
TAG_CASE = "IAM treats tag keys that differ only in upper and lower case as one key: write the key once"
LOOP = (
    "results.bucket is the source bucket and results.bucket.prefix is inside the filter, so each result would start the function "
    "again in an endless loop: choose a prefix outside source.filter.prefixes or inside source.filter.excludePrefixes, or leave "
    "out results.bucket.name"
)
OBJECT_NAME = "should match '^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*$'"
