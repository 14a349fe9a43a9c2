"""A stand-in for `pulumi-resource-aws`, for machines that cannot download the real plugin.

It speaks Pulumi's provider protocol, and calls only the AWS emulator on loopback. A type or an input that it does not apply is an
error that names it, and so is an endpoint elsewhere. The stand-in is never part of a released image or chart.

    fork_server   a server that has imported all of it, and forks a plugin for each launcher
    plugin        the process: its port, and its end
    server        the protocol, one method for each call of the engine
    catalogue     the types that it knows
    buckets, ...  the types, one module for each AWS service
    kinds         what a type is: its inputs, what replaces it, how it is made, read, changed and removed
    clients       the clients of AWS that all types share
    credentials   the credentials of these clients: those of the environment, or of a role
    access        where AWS is and who asks it
    calls         how a call of AWS fails, and how long the stand-in waits for AWS
    shapes        which inputs a type takes, also inside other inputs
    configuration what the program says of the provider itself
    tags, properties  tags, and Pulumi's property values
    install, launcher what the CLI starts

Each module imports only from those below it. The contract `stand-in` in .importlinter checks that.
"""
