"""Faults between the operator and AWS, between the operator and the API server, and of the machine it runs on."""
