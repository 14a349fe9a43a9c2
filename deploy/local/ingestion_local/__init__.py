"""The local environment: control plane, AWS emulator, provider stand-in and demo, on one machine."""
