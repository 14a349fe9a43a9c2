"""What is stored: buckets with their settings, queues, tables; see `provider_world.Row`."""

from __future__ import annotations

from ingestion_local.provider.properties import Document
from integration.provider_world import ACCOUNT, Pair, ProviderWorld, Row, as_map, grant, present, without


def bucket_inputs(world: ProviderWorld) -> Pair:
    first = {
        "bucket": world.name,
        "bucketNamespace": "global",
        "forceDestroy": False,
        "tags": {"team": "a", "stage": "dev"},
    }
    return first, first | {"tags": {"team": "b", "more": "x"}}


def own_bucket_inputs(world: ProviderWorld) -> Pair:
    own = {"bucket": f"{world.name}-{ACCOUNT}-us-east-1-an", "bucketNamespace": "account-regional"}
    first, changed = bucket_inputs(world)
    return {**first, **own}, {**changed, **own}


def bucket_seen(world: ProviderWorld, inputs: Document) -> Document:
    s3 = world.client("s3")
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    try:
        tags = as_map(s3.get_bucket_tagging(Bucket=inputs["bucket"])["TagSet"])
    except s3.exceptions.ClientError:
        tags = {}
    return {
        "bucket": inputs["bucket"] if inputs["bucket"] in names else None,
        # No call tells it: the ending of the name does.
        "bucketNamespace": "account-regional" if inputs["bucket"].endswith("-an") else "global",
        "tags": tags,
        "forceDestroy": False,
    }


def encryption_inputs(world: ProviderWorld) -> Pair:
    key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
    managed = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key}
    bucket = world.bucket()
    return (
        {"bucket": bucket, "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]},
        {
            "bucket": bucket,
            "rules": [{"applyServerSideEncryptionByDefault": managed, "bucketKeyEnabled": True}],
        },
    )


def encryption_seen(world: ProviderWorld, inputs: Document) -> Document:
    answer = world.client("s3").get_bucket_encryption(Bucket=inputs["bucket"])
    (rule,) = answer["ServerSideEncryptionConfiguration"]["Rules"]
    default = rule["ApplyServerSideEncryptionByDefault"]
    found = {"sseAlgorithm": default["SSEAlgorithm"], "kmsMasterKeyId": default.get("KMSMasterKeyID")}
    whole: Document = {"applyServerSideEncryptionByDefault": present(found)}
    if rule.get("BucketKeyEnabled"):
        whole["bucketKeyEnabled"] = True
    return {"bucket": inputs["bucket"], "rules": [whole]}


SWITCHES = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


def private_inputs(world: ProviderWorld) -> Pair:
    bucket = world.bucket()
    return (
        {"bucket": bucket, **dict(zip(SWITCHES, (True, False, True, False), strict=True))},
        {"bucket": bucket, **dict(zip(SWITCHES, (False, True, False, True), strict=True))},
    )


def private_seen(world: ProviderWorld, inputs: Document) -> Document:
    answer = world.client("s3").get_public_access_block(Bucket=inputs["bucket"])
    found = answer["PublicAccessBlockConfiguration"]
    return {"bucket": inputs["bucket"]} | {name: found[name[0].upper() + name[1:]] for name in SWITCHES}


def versioning_inputs(world: ProviderWorld) -> Pair:
    bucket = world.bucket()
    return (
        {"bucket": bucket, "versioningConfiguration": {"status": "Enabled"}},
        {"bucket": bucket, "versioningConfiguration": {"status": "Suspended"}},
    )


def versioning_seen(world: ProviderWorld, inputs: Document) -> Document:
    status = world.client("s3").get_bucket_versioning(Bucket=inputs["bucket"])["Status"]
    return {"bucket": inputs["bucket"], "versioningConfiguration": {"status": status}}


def lifecycle_inputs(world: ProviderWorld) -> Pair:
    bucket = world.bucket()
    one = {
        "id": "one",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "noncurrentVersionExpiration": {"noncurrentDays": 90},
        "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
    }
    two = {
        "id": "two",
        "status": "Disabled",
        "filter": {"prefix": "raw/"},
        "noncurrentVersionExpiration": {"noncurrentDays": 3},
        "abortIncompleteMultipartUpload": {"daysAfterInitiation": 1},
        "expiration": {"days": 5},
    }
    three = {
        "id": "three",
        "status": "Enabled",
        "filter": {"prefix": "tmp/"},
        "expiration": {"expiredObjectDeleteMarker": True},
    }
    return {"bucket": bucket, "rules": [one, three]}, {"bucket": bucket, "rules": [two]}


LIFECYCLE_NAMES = {
    "Filter": {"Prefix": "prefix"},
    "NoncurrentVersionExpiration": {"NoncurrentDays": "noncurrentDays"},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": "daysAfterInitiation"},
    "Expiration": {"Days": "days", "ExpiredObjectDeleteMarker": "expiredObjectDeleteMarker"},
}


def lifecycle_seen(world: ProviderWorld, inputs: Document) -> Document:
    answer = world.client("s3").get_bucket_lifecycle_configuration(Bucket=inputs["bucket"])
    rules = []
    for rule in answer["Rules"]:
        parts = {
            part[0].lower() + part[1:]: {names[key]: value for key, value in rule[part].items()}
            for part, names in LIFECYCLE_NAMES.items()
            if part in rule
        }
        rules.append({"id": rule["ID"], "status": rule["Status"], **parts})
    return {"bucket": inputs["bucket"], "rules": rules}


def bucket_policy_inputs(world: ProviderWorld) -> Pair:
    bucket = world.bucket()
    principal = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    first = grant("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal=principal)
    second = grant("s3:PutObject", f"arn:aws:s3:::{bucket}/*", Principal=principal)
    return {"bucket": bucket, "policy": first}, {"bucket": bucket, "policy": second}


def bucket_policy_seen(world: ProviderWorld, inputs: Document) -> Document:
    answer = world.client("s3").get_bucket_policy(Bucket=inputs["bucket"])
    return {"bucket": inputs["bucket"], "policy": answer["Policy"]}


def notification_inputs(world: ProviderWorld) -> Pair:
    bucket = world.bucket()
    return {"bucket": bucket, "eventbridge": True}, {"bucket": bucket, "eventbridge": False}


def notification_seen(world: ProviderWorld, inputs: Document) -> Document:
    answer = world.client("s3").get_bucket_notification_configuration(Bucket=inputs["bucket"])
    return {"bucket": inputs["bucket"], "eventbridge": "EventBridgeConfiguration" in answer}


def queue_inputs(world: ProviderWorld) -> Pair:
    return (
        {
            "name": world.name,
            "messageRetentionSeconds": 1209600,
            "visibilityTimeoutSeconds": 60,
            "sqsManagedSseEnabled": True,
            "tags": {"team": "a", "stage": "dev"},
        },
        {
            "name": world.name,
            "messageRetentionSeconds": 3600,
            "visibilityTimeoutSeconds": 0,
            "sqsManagedSseEnabled": False,
            "tags": {"team": "b", "more": "x"},
        },
    )


def queue_seen(world: ProviderWorld, inputs: Document) -> Document:
    sqs = world.client("sqs")
    url = sqs.get_queue_url(QueueName=inputs["name"])["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return {
        "name": found["QueueArn"].rpartition(":")[2],
        "messageRetentionSeconds": int(found["MessageRetentionPeriod"]),
        "visibilityTimeoutSeconds": int(found["VisibilityTimeout"]),
        "sqsManagedSseEnabled": found.get("SqsManagedSseEnabled") == "true",
        "tags": sqs.list_queue_tags(QueueUrl=url).get("Tags", {}),
    }


def queue_policy_inputs(world: ProviderWorld) -> Pair:
    world.queue("policy")
    url = world.client("sqs").get_queue_url(QueueName=f"{world.name}-policy")["QueueUrl"]
    principal = {"Service": "events.amazonaws.com"}
    return (
        {"queueUrl": url, "policy": grant("sqs:SendMessage", Principal=principal)},
        {"queueUrl": url, "policy": grant("sqs:ReceiveMessage", Principal=principal)},
    )


def queue_policy_seen(world: ProviderWorld, inputs: Document) -> Document:
    url = inputs["queueUrl"]
    answer = world.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
    return {"queueUrl": url, "policy": answer["Attributes"]["Policy"]}


def table_inputs(world: ProviderWorld) -> Pair:
    first = {
        "name": world.name,
        "billingMode": "PAY_PER_REQUEST",
        "hashKey": "source",
        "rangeKey": "offset",
        "attributes": [{"name": "source", "type": "S"}, {"name": "offset", "type": "N"}],
        "pointInTimeRecovery": {"enabled": True},
        "serverSideEncryption": {"enabled": True},
        "deletionProtectionEnabled": True,
        "tags": {"team": "a", "stage": "dev"},
    }
    return first, first | {
        "pointInTimeRecovery": {"enabled": False},
        "serverSideEncryption": {"enabled": False},
        "deletionProtectionEnabled": False,
        "tags": {"team": "b", "more": "x"},
    }


def table_seen(world: ProviderWorld, inputs: Document) -> Document:
    dynamodb = world.client("dynamodb")
    found = dynamodb.describe_table(TableName=inputs["name"])["Table"]
    backups = dynamodb.describe_continuous_backups(TableName=inputs["name"])["ContinuousBackupsDescription"]
    keys = {key["KeyType"]: key["AttributeName"] for key in found["KeySchema"]}
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    return {
        "name": found["TableName"],
        "billingMode": found["BillingModeSummary"]["BillingMode"],
        "hashKey": keys["HASH"],
        "rangeKey": keys.get("RANGE"),
        "attributes": [{"name": a["AttributeName"], "type": a["AttributeType"]} for a in found["AttributeDefinitions"]],
        "pointInTimeRecovery": {"enabled": recovery == "ENABLED"},
        "serverSideEncryption": {"enabled": found.get("SSEDescription", {}).get("Status") == "ENABLED"},
        "deletionProtectionEnabled": found["DeletionProtectionEnabled"],
        "tags": as_map(dynamodb.list_tags_of_resource(ResourceArn=found["TableArn"])["Tags"]),
    }


def trail_inputs(world: ProviderWorld) -> Pair:
    for bucket in ("a", "b"):
        world.log_bucket(f"{world.name}-{bucket}", world.name)
    objects = {
        "name": "objects",
        "fieldSelectors": [
            {"field": "eventCategory", "equals": ["Data"]},
            {"field": "resources.type", "equals": ["AWS::S3::Object"]},
            {"field": "resources.ARN", "startsWiths": [f"arn:aws:s3:::{world.name}/"]},
        ],
    }
    functions = {
        "fieldSelectors": [
            {"field": "eventCategory", "equals": ["Data"]},
            {"field": "resources.type", "equals": ["AWS::Lambda::Function"]},
            {"field": "eventName", "notEquals": ["Invoke"], "notStartsWiths": ["A"], "notEndsWiths": ["Z"]},
            {"field": "resources.ARN", "endsWiths": ["-fn"]},
        ],
    }
    return (
        {
            "name": world.name,
            "s3BucketName": f"{world.name}-a",
            "s3KeyPrefix": "one",
            "includeGlobalServiceEvents": False,
            "isMultiRegionTrail": False,
            "enableLogFileValidation": True,
            "enableLogging": False,
            "advancedEventSelectors": [objects],
            "tags": {"team": "a", "stage": "dev"},
        },
        {
            "name": world.name,
            "s3BucketName": f"{world.name}-b",
            "s3KeyPrefix": "two",
            "includeGlobalServiceEvents": True,
            "isMultiRegionTrail": True,
            "enableLogFileValidation": False,
            "enableLogging": True,
            "advancedEventSelectors": [objects, functions],
            "tags": {"team": "b", "more": "x"},
        },
    )


def basic_trail_inputs(world: ProviderWorld) -> Pair:
    first, changed = trail_inputs(world)
    objects = {"type": "AWS::S3::Object", "values": [f"arn:aws:s3:::{world.name}/"]}
    return (
        {
            **without(first, "advancedEventSelectors"),
            "eventSelectors": [
                {"readWriteType": "WriteOnly", "includeManagementEvents": False, "dataResources": [objects]}
            ],
        },
        {
            **without(changed, "advancedEventSelectors"),
            "eventSelectors": [
                {"readWriteType": "All", "excludeManagementEventSources": ["kms.amazonaws.com"]},
                {"readWriteType": "ReadOnly", "dataResources": [objects]},
            ],
        },
    )


TRAIL_OPERATORS = {
    "Equals": "equals",
    "StartsWith": "startsWiths",
    "EndsWith": "endsWiths",
    "NotEquals": "notEquals",
    "NotStartsWith": "notStartsWiths",
    "NotEndsWith": "notEndsWiths",
}


def trail_seen(world: ProviderWorld, inputs: Document) -> Document:
    cloudtrail = world.client("cloudtrail")
    found = cloudtrail.get_trail(Name=inputs["name"])["Trail"]
    selectors = cloudtrail.get_event_selectors(TrailName=inputs["name"])
    advanced = []
    for selector in selectors.get("AdvancedEventSelectors", []):
        fields = [
            {"field": f["Field"], **{ours: f[theirs] for theirs, ours in TRAIL_OPERATORS.items() if theirs in f}}
            for f in selector["FieldSelectors"]
        ]
        advanced.append(present({"name": selector.get("Name"), "fieldSelectors": fields}))
    (tags,) = cloudtrail.list_tags(ResourceIdList=[found["TrailARN"]])["ResourceTagList"]
    return {
        "name": found["Name"],
        "s3BucketName": found["S3BucketName"],
        "s3KeyPrefix": found.get("S3KeyPrefix"),
        "includeGlobalServiceEvents": found["IncludeGlobalServiceEvents"],
        "isMultiRegionTrail": found["IsMultiRegionTrail"],
        "enableLogFileValidation": found["LogFileValidationEnabled"],
        "enableLogging": cloudtrail.get_trail_status(Name=inputs["name"])["IsLogging"],
        "advancedEventSelectors": advanced,
        "eventSelectors": as_said(selectors.get("EventSelectors", []), inputs.get("eventSelectors")),
        "tags": as_map(tags["TagsList"]),
    }


def as_said(there: list[Document], said: list[Document] | None) -> list[Document]:
    """Selectors without what the program leaves to AWS's defaults."""
    found = []
    for number, selector in enumerate(there):
        data = [{"type": r["Type"], "values": r["Values"]} for r in selector.get("DataResources", [])]
        whole = {
            "readWriteType": selector["ReadWriteType"],
            "includeManagementEvents": selector["IncludeManagementEvents"],
            "excludeManagementEventSources": selector.get("ExcludeManagementEventSources", []),
            "dataResources": data,
        }
        names = said[number] if said and number < len(said) else whole
        found.append({name: whole[name] for name in names})
    return found


BUCKET = "aws:s3/bucket:Bucket"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
PRIVATE = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
NOTIFICATION = "aws:s3/bucketNotification:BucketNotification"
QUEUE = "aws:sqs/queue:Queue"
QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy"
TRAIL = "aws:cloudtrail/trail:Trail"
TABLE = "aws:dynamodb/table:Table"

VARIANTS: dict[str, tuple[str, Row]] = {
    "Bucket of the account's own": (
        BUCKET,
        Row(
            own_bucket_inputs,
            bucket_seen,
            fixed=frozenset({"forceDestroy"}),
            chosen=frozenset({"bucketNamespace"}),
        ),
    ),
    "Trail of basic selectors": (
        TRAIL,
        Row(basic_trail_inputs, trail_seen, others=frozenset({"advancedEventSelectors"})),
    ),
}

ROWS: dict[str, Row] = {
    TRAIL: Row(trail_inputs, trail_seen, others=frozenset({"eventSelectors"})),
    BUCKET: Row(bucket_inputs, bucket_seen, fixed=frozenset({"forceDestroy"})),
    ENCRYPTION: Row(encryption_inputs, encryption_seen, takes_over=True),
    PRIVATE: Row(private_inputs, private_seen, takes_over=True),
    VERSIONING: Row(versioning_inputs, versioning_seen, takes_over=True),
    LIFECYCLE: Row(lifecycle_inputs, lifecycle_seen, takes_over=True),
    BUCKET_POLICY: Row(bucket_policy_inputs, bucket_policy_seen, takes_over=True),
    NOTIFICATION: Row(notification_inputs, notification_seen, takes_over=True),
    QUEUE: Row(queue_inputs, queue_seen),
    QUEUE_POLICY: Row(queue_policy_inputs, queue_policy_seen, takes_over=True),
    TABLE: Row(table_inputs, table_seen, fixed=frozenset({"billingMode", "attributes"})),
}
