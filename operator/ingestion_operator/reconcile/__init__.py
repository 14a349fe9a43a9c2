"""The use case, and its passes over one pipeline or one AWSAccount: gather, decide, act, conclude.

This is the only room that changes anything. It knows every port and no adapter. `decide` is pure.
"""
