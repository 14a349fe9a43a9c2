"""The functions inside MiniStack that the strict layer calls, reads or wraps, with the parameters that it relies on."""

from __future__ import annotations

from collections.abc import Mapping

CONTRACT: Mapping[str, Mapping[str, list[str]]] = {
    "ministack.app": {"main": [], "_port_is_bindable": ["host", "port"]},
    "ministack.core.iam_evaluator": {
        "evaluate": ["ctx", "policies", "limits"],
        "combine_resource_policy": ["identity", "ctx", "policy", "owner_account", "required", "limits"],
        "_gather_role_policies": ["role_name", "account_id"],
        "_permissions_boundary": ["store", "name", "account_id"],
        "_resource_policy": ["service", "resource_arn"],
    },
    "ministack.core.responses": {
        "get_account_id": [],
        "get_region": [],
        "error_response_json": ["code", "message", "status", "extra", "message_key", "content_type"],
    },
    "ministack.services.cloudtrail": {
        "_create_trail": ["body"],
        "_update_trail": ["body"],
        "_visible_trail_items": ["include_shadow_trails"],
        "_trail_arn": ["name"],
        "_err": ["code", "msg", "status"],
    },
    "ministack.services.cloudwatch": {
        "record_metric": ["namespace", "metric_name", "value", "unit", "dimensions"],
    },
    "ministack.services.ec2": {"_ensure_defaults_initialized": []},
    "ministack.services.eventbridge": {
        "get_account_id": [],
        "_dispatch_to_lambda": ["arn", "payload"],
        "_invoke_target": ["target", "event", "rule", "view"],
        "_pattern_event_view": ["event"],
        "_put_events": ["data", "allow_aws_source"],
    },
    "ministack.services.lambda_svc": {
        "invoke_async_with_retry": ["func", "event"],
        "_account_region_from_function_config": ["config"],
        "_create_function": ["data"],
        "_emit_lambda_metrics": ["function_name", "duration_ms", "error", "throttle"],
        "_execute_function": ["func", "event"],
        "_execute_function_dispatch": ["func", "config", "event", "request_id", "started"],
        "_execution_record_for_config": ["func", "config"],
        "_fetch_code_from_s3": ["bucket", "key", "version_id"],
        "_get_func_record_for_ref": ["function_ref"],
        "_put_event_invoke_config": ["func_name", "qualifier", "data"],
        "_reserved_concurrency": ["func", "config"],
        "_route_async_failure": ["target_arn", "func_name", "event", "result"],
        "_update_code": ["name", "data"],
        "_update_config": ["name", "data"],
    },
    "ministack.services.s3": {
        "_create_bucket": ["name", "body", "headers", "endpoint_region"],
        "_error": ["code", "message", "status", "resource", "extra", "headers"],
        "_fire_s3_event_async": [
            "bucket_name",
            "key",
            "event_name",
            "size",
            "etag",
            "deletion_type",
            "version_id",
            "object_extra",
            "record_extra",
        ],
    },
    "ministack.services.sts": {
        "handle_request": ["method", "path", "headers", "body", "query_params"],
        "_caller_identity": ["headers", "query_params"],
        "_error": ["status", "code", "message", "ns"],
    },
    "ministack.services.sqs": {
        "queue_delay": ["q"],
        "_ensure_msg_fields": ["m"],
        "_queue_by_arn": ["arn"],
    },
}
