"""The parts that make MiniStack as strict as AWS. `strict_delivery` installs them. `identity` installs itself.

resource_policy    which resource policies let an AWS service act. Pure
failures           what Lambda reports about an invocation that finally failed. Pure
attempts           how often an asynchronous invocation is tried. Pure
contract           which functions inside MiniStack are called, read or wrapped
queue              how a service puts a message into a queue
execution_role     what a function's role may do
asynchronous       asynchronous invocations, and where their failures go with the rights of the function's role
functions          what Lambda refuses when a function is created or changed
buckets            names of buckets in an account's own namespace
trails             what CloudTrail refuses, and what it sends to EventBridge
identity           which actions the caller must be allowed
lifetime           a guard that ends the process group of a killed emulator
"""
