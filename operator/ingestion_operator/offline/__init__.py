"""What can be computed without a cluster and without AWS: a rendered manifest, and the operator's own IAM policy.

The command line is the only user. The room may use everything of the core that makes no calls.
"""
