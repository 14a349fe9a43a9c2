"""Values of `spec.processor` that the API server refuses, for `admission_refusals`."""

from __future__ import annotations

from integration import admission_messages as said
from integration.admission_rows import (
    CODE,
    FROM_IMAGE,
    GROUP,
    IMAGE,
    SUBNET,
    TOPIC,
    UNSET,
    Refusal,
    code,
    environment,
    layer,
    longer,
    may,
    more,
    numbered,
    one,
    permissions,
    secret,
    variables,
    vpc,
)

PROCESSOR: dict[str, Refusal] = {
    # code
    "no processor": one("processor", UNSET, "Required value"),
    "no code": one("processor.code", UNSET, "Required value"),
    "code without a source": one("processor.code", {}, said.ONE_SOURCE),
    "code with two sources": one("processor.code", {"inline": CODE, "image": {"uri": IMAGE}}, said.ONE_SOURCE),
    "inline code of more than 32 KiB": one("processor.code.inline", "#" * 32769, longer(32768)),
    "empty inline code": one("processor.code.inline", "", "should be at least 1 chars long"),
    "a ConfigMap without a name": Refusal(
        code(configMapRef={}), "spec.processor.code.configMapRef.name", "Required value"
    ),
    "a ConfigMap with an empty name": Refusal(
        code(configMapRef={"name": ""}), "spec.processor.code.configMapRef.name", "should be at least 1 chars long"
    ),
    "a ConfigMap's name with capitals": Refusal(
        code(configMapRef={"name": "Code"}), "spec.processor.code.configMapRef.name", said.OBJECT_NAME
    ),
    "a ConfigMap's name with two dots side by side": Refusal(
        code(configMapRef={"name": "a..b"}), "spec.processor.code.configMapRef.name", said.OBJECT_NAME
    ),
    "a ConfigMap's name of 254": Refusal(
        code(configMapRef={"name": "n" * 254}), "spec.processor.code.configMapRef.name", longer(253)
    ),
    "a ConfigMap's key that is a path": Refusal(
        code(configMapRef={"name": "code", "key": "app/index.py"}),
        "spec.processor.code.configMapRef.key",
        said.CONFIG_MAP_KEY,
    ),
    "a package without a bucket": Refusal(code(s3={"key": "k"}), "spec.processor.code.s3.bucket", "Required value"),
    "a package without a key": Refusal(code(s3={"bucket": "acme"}), "spec.processor.code.s3.key", "Required value"),
    "a package with an empty key": Refusal(
        code(s3={"bucket": "acme", "key": ""}), "spec.processor.code.s3.key", "should be at least 1 chars long"
    ),
    "a package with a key of 1025": Refusal(
        code(s3={"bucket": "acme", "key": "k" * 1025}), "spec.processor.code.s3.key", longer(1024)
    ),
    "a package in a bucket with capitals": Refusal(
        code(s3={"bucket": "Acme", "key": "k"}), "spec.processor.code.s3.bucket", said.PACKAGE_BUCKET
    ),
    **{
        f"a package in the bucket {name!r}": Refusal(
            code(s3={"bucket": name, "key": "k"}), "spec.processor.code.s3.bucket", said.PACKAGE_BUCKET
        )
        for name in ("", "ab", "a..b", "my_bucket")
    },
    "a package in a bucket of 64": Refusal(
        code(s3={"bucket": "b" * 64, "key": "k"}), "spec.processor.code.s3.bucket", longer(63)
    ),
    "an image without its place": Refusal(code(image={}), "spec.processor.code.image.uri", "Required value"),
    "an image by its tag": Refusal(
        code(image={"uri": IMAGE.partition("@")[0] + ":latest"}), "spec.processor.code.image.uri", said.IMAGE_RULE
    ),
    "an image of another registry": Refusal(
        code(image={"uri": f"ghcr.io/acme/words@sha256:{'0' * 64}"}), "spec.processor.code.image.uri", said.IMAGE_RULE
    ),
    "an image of 513": Refusal(
        code(image={"uri": IMAGE.replace("team", "t" * (517 - len(IMAGE)))}),
        "spec.processor.code.image.uri",
        longer(512),
    ),
    "an image of another region": Refusal(
        [("region", "eu-central-1"), *FROM_IMAGE],
        "spec.processor.code.image.uri",
        "a function can use only an image of its own region: name an image of spec.region",
    ),
    # processor
    **{
        f"the blocked runtime {name}": one("processor.runtime", name, said.BLOCKED)
        for name in ("python2.7", "python3.6", "python3.7", "python3.8")
    },
    "a runtime of another language": one("processor.runtime", "nodejs22.x", said.UNKNOWN_RUNTIME),
    "a runtime without its language": one("processor.runtime", "3.13", said.UNKNOWN_RUNTIME),
    "a handler without a function": one("processor.handler", "handler", said.HANDLER_RULE),
    "a handler that begins with a slash": one("processor.handler", "/index.handler", said.HANDLER_RULE),
    "a handler with a space": one("processor.handler", "my index.handler", said.HANDLER_RULE),
    "a handler whose function begins with a digit": one("processor.handler", "index.1st", said.HANDLER_RULE),
    "a handler of one character": one("processor.handler", "a", said.HANDLER_RULE),
    "memory with a unit": one("processor.memoryMiB", "256Mi", 'must be of type integer: "string"'),
    "no concurrency": one(
        "processor.reservedConcurrency",
        0,
        "with reservedConcurrency: 0 the function would process no event: write at least 1, or leave out reservedConcurrency",
    ),
    **{
        f"the reserved variable {name}": Refusal(
            environment(*variables(name)), "spec.processor.environment[0].name", said.RESERVED_VARIABLE
        )
        for name in ("AWS_REGION", "AWS_SECRET_ACCESS_KEY", "LAMBDA_TASK_ROOT", "RESULTS_BUCKET", "RESULTS_TABLE")
    },
    **{
        f"the variable {name!r}": Refusal(
            environment(*variables(name)), "spec.processor.environment[0].name", said.VARIABLE_RULE
        )
        for name in ("LOG-LEVEL", "1A", "A", "", "_HANDLER", "É_ÉCOLE")
    },
    "a variable without a name": Refusal(
        environment({"value": "x"}), "spec.processor.environment[0].name", "Required value"
    ),
    "a variable with a name of 129": Refusal(
        environment({"name": "N" * 129}), "spec.processor.environment[0].name", longer(128)
    ),
    "a variable with a value of 4097": Refusal(
        environment({"name": "AB", "value": "v" * 4097}), "spec.processor.environment[0].value", longer(4096)
    ),
    "a variable that is a number": Refusal(
        environment({"name": "AB", "value": 1}),
        "spec.processor.environment[0].value",
        'must be of type string: "integer"',
    ),
    "one variable twice": Refusal(
        environment(*variables("MODE", "MODE")), "spec.processor.environment[1]", 'Duplicate value: {"name":"MODE"}'
    ),
    "101 variables": one("processor.environment", variables(*(f"V{n}" for n in range(101))), more(101, 100)),
    "a variable with two values": Refusal(
        environment({**secret(), "value": "x"}), "spec.processor.environment[0].value", said.TWO_VALUES
    ),
    "a variable from nowhere": Refusal(
        environment({"name": "AB", "valueFrom": {}}),
        "spec.processor.environment[0].valueFrom.secretKeyRef",
        "Required value",
    ),
    **{
        f"a variable from a Secret without a {field}": Refusal(
            environment({"name": "AB", "valueFrom": {"secretKeyRef": reference}}),
            f"spec.processor.environment[0].valueFrom.secretKeyRef.{field}",
            "Required value",
        )
        for field, reference in (("name", {"key": "k"}), ("key", {"name": "n"}))
    },
    **{
        f"a variable from {what}": Refusal(
            environment(reference), f"spec.processor.environment[0].valueFrom.secretKeyRef.{field}", message
        )
        for what, reference, field, message in (
            ("a Secret without characters", secret(""), "name", "should be at least 1 chars long"),
            ("a Secret with capitals", secret("Store"), "name", said.OBJECT_NAME),
            ("a Secret of 254", secret("n" * 254), "name", longer(253)),
            ("a Secret's empty key", secret(key=""), "key", "should be at least 1 chars long"),
            ("a Secret's key with a slash", secret(key="a/b"), "key", said.SECRET_KEY),
            ("a Secret's key of 254", secret(key="k" * 254), "key", longer(253)),
        )
    },
    "4097 bytes of environment": one("processor.environment", variables("AB", value="v" * 4087), said.ENVIRONMENT_SIZE),
    "an environment that is longer in UTF-8": one(
        "processor.environment", variables("AB", value="é" * 2044), said.ENVIRONMENT_SIZE
    ),
    "an environment that is longer when escaped": one(
        "processor.environment", variables("AB", value='{"a\\n"}' * 500), said.ENVIRONMENT_SIZE
    ),
    "an environment without room for the results": Refusal(
        [*environment(*variables("AB", value="v" * 3850)), ("results.table", {})],
        "spec.processor.environment",
        said.ENVIRONMENT_SIZE,
    ),
    "a layer without a version": one("processor.layers", [layer().removesuffix(":1")], said.LAYER_RULE),
    "a layer that is a name": one("processor.layers", ["pandas"], said.LAYER_RULE),
    "a layer of 257": one("processor.layers", [layer("l" * 210)[:255] + ":1"], longer(256), "processor.layers[0]"),
    "6 layers": one("processor.layers", [layer(f"l{n}") for n in range(6)], more(6, 5)),
    "one layer in two versions": one("processor.layers", [layer(version=1), layer(version=12)], said.LAYER_ONCE),
    "one layer twice": one("processor.layers", [layer(), layer()], said.LAYER_ONCE),
    "layers of another region": Refusal(
        [("region", "eu-west-1"), ("processor.layers", [layer(), layer("x", region="eu-west-2")])],
        "spec.processor.layers",
        said.LAYER_REGION,
    ),
    "layers of an image": Refusal(
        [*FROM_IMAGE, ("processor.layers", [layer()])],
        "spec.processor.layers",
        "a container image cannot have layers: put their content into the image",
    ),
    "a network without subnets": Refusal(
        vpc([], [GROUP]), "spec.processor.vpc.subnetIds", "should have at least 1 items"
    ),
    "a network without groups": Refusal(
        vpc([SUBNET], []), "spec.processor.vpc.securityGroupIds", "should have at least 1 items"
    ),
    "a network with nothing about subnets": one(
        "processor.vpc", {"securityGroupIds": [GROUP]}, "Required value", "processor.vpc.subnetIds"
    ),
    "a network with nothing about groups": one(
        "processor.vpc", {"subnetIds": [SUBNET]}, "Required value", "processor.vpc.securityGroupIds"
    ),
    "17 subnets": Refusal(vpc(numbered("subnet-000000", 17), [GROUP]), "spec.processor.vpc.subnetIds", more(17, 16)),
    "6 groups": Refusal(vpc([SUBNET], numbered("sg-000000", 6)), "spec.processor.vpc.securityGroupIds", more(6, 5)),
    "one subnet twice": Refusal(
        vpc([SUBNET, SUBNET], [GROUP]), "spec.processor.vpc.subnetIds[1]", f'Duplicate value: "{SUBNET}"'
    ),
    "a subnet that is a VPC": Refusal(vpc(["vpc-0123abcd"], [GROUP]), "spec.processor.vpc.subnetIds", said.SUBNET_RULE),
    "a subnet of 12 digits": Refusal(
        vpc(["subnet-0123456789ab"], [GROUP]), "spec.processor.vpc.subnetIds", said.SUBNET_RULE
    ),
    "a group by its name": Refusal(vpc([SUBNET], ["default"]), "spec.processor.vpc.securityGroupIds", said.GROUP_RULE),
    "a subnet of 33": Refusal(vpc(["subnet-" + "0" * 26], [GROUP]), "spec.processor.vpc.subnetIds[0]", longer(32)),
    "a group of 33": Refusal(vpc([SUBNET], ["sg-" + "0" * 30]), "spec.processor.vpc.securityGroupIds[0]", longer(32)),
    **{
        f"the action {action}": Refusal(
            permissions(may("sns:Publish", action)), "spec.processor.permissions[0].actions", said.ACTION_RULE
        )
        for action in ("*", "s3:*", "s3", "S3:GetObject", "s3:Get Object", "*:GetObject")
    },
    **{
        f"rights of {service}": Refusal(
            permissions(may(f"{service}:Put*")), "spec.processor.permissions[0].actions", said.IDENTITY_RULE
        )
        for service in ("iam", "sts", "organizations", "account", "sso", "identitystore", "rolesanywhere")
    },
    **{
        f"the resource {resource!r}": Refusal(
            permissions(may("sns:Publish", on=[TOPIC, resource])),
            "spec.processor.permissions[0].resources",
            said.RESOURCE_RULE,
        )
        for resource in (
            "done",
            "arn:*",
            "arn:aws:sns",
            "arn:aws:s3:::",
            "arn:aws:*:eu-west-1:1:x",
            "arn:aws:sns:::a\nb",
            "",
        )
    },
    "a resource of another partition": Refusal(
        [("region", "cn-north-1"), *permissions(may("sns:Publish"))], "spec.processor.permissions", said.PARTITION_RULE
    ),
    "a resource of GovCloud outside of it": Refusal(
        [("region", "eu-west-1"), *permissions(may("sns:Publish", on=[TOPIC.replace("aws", "aws-us-gov", 1)]))],
        "spec.processor.permissions",
        said.PARTITION_RULE,
    ),
    **{
        f"a permission without {field}": Refusal(
            permissions({name: value for name, value in may("sns:Publish").items() if name != field}),
            f"spec.processor.permissions[0].{field}",
            "Required value",
        )
        for field in ("actions", "resources")
    },
    **{
        f"a permission with {what}": Refusal(permissions(statement), f"spec.processor.permissions[0].{field}", message)
        for what, statement, field, message in (
            ("no action", may(), "actions", "should have at least 1 items"),
            ("no resource", may("sns:Publish", on=[]), "resources", "should have at least 1 items"),
            ("31 actions", may(*(f"sns:A{'a' * n}" for n in range(31))), "actions", more(31, 30)),
            ("31 resources", may("sns:Publish", on=numbered(TOPIC, 31)), "resources", more(31, 30)),
            ("an action twice", may("sns:Publish", "sns:Publish"), "actions[1]", 'Duplicate value: "sns:Publish"'),
            ("a resource twice", may("sns:Publish", on=["*", "*"]), "resources[1]", 'Duplicate value: "*"'),
            ("an action of 129", may("sns:" + "A" * 125), "actions[0]", longer(128)),
            ("a resource of 513", may("sns:Publish", on=[TOPIC.ljust(513, "t")]), "resources[0]", longer(512)),
        )
    },
    "21 permissions": one("processor.permissions", [may("sns:Publish")] * 21, more(21, 20)),
    "more permissions than a policy holds": one(
        "processor.permissions", [may("sns:Publish", on=numbered(TOPIC + "t" * 300, 25))], said.POLICY_SIZE
    ),
    "permissions and prefixes that a policy holds only alone": Refusal(
        [
            ("source.filter.prefixes", numbered("p" * 60, 20)),
            *permissions(may("sns:Publish", on=numbered(TOPIC + "t" * 200, 20))),
        ],
        "spec.processor.permissions",
        said.POLICY_SIZE,
    ),
}
