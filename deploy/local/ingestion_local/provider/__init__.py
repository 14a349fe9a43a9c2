"""A stand-in for `pulumi-resource-aws`, for machines that cannot download the real plugin.

It speaks Pulumi's provider protocol and calls the AWS emulator on loopback, and only that. It is honest: a type or an
input that it does not apply, or an endpoint elsewhere, is an error that names it. It is never part of an image or chart.
"""
