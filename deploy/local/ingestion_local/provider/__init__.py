"""A stand-in for `pulumi-resource-aws`, for machines that cannot download the real plugin.

It speaks Pulumi's provider protocol and calls the AWS emulator on loopback, and only that. It is honest: a type or
an input that it does not apply, or an endpoint elsewhere, is an error that names it. It is never part of an image
or chart.

    server      the protocol, one method for each call of the engine
    catalogue   the types that it knows
    kinds       what a type is: its inputs, what replaces it, how it is made, read, changed and removed
    buckets, ... the types, one module for each AWS service
    shapes      which inputs a type takes, also inside other inputs
    properties  Pulumi's property values
"""
