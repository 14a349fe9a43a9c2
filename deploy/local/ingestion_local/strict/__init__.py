"""What makes MiniStack as strict as AWS, piece by piece. `strict_delivery` puts the pieces in place, `identity` itself.

resource_policy    which resource policies let an AWS service act. Pure
failures           what Lambda tells of an invocation that failed for good. Pure
attempts           how often an asynchronous invocation is tried. Pure
contract           what is called, read or wrapped inside MiniStack
queue              a message put into a queue by a service
execution_role     what a function's role may do
asynchronous       asynchronous invocations, their failures handed over with the rights of the function's role
functions          what Lambda refuses when a function is made or changed
buckets            names of buckets that belong to an account's own namespace
trails             what CloudTrail refuses, and what it tells EventBridge
identity           what the caller must be allowed
lifetime           a process that leaves nothing behind
"""
