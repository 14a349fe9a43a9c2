"""The local environment on one machine: control plane, AWS emulator, stand-in for the AWS plugin, and demo."""
