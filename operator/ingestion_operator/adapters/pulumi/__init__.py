"""The engine adapter: the core's `Engine` port on Pulumi's Automation API."""
