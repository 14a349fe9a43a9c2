"""Checks users' code in child processes with limits. Nothing in here parses the code in the operator's own process."""

from ingestion_operator.adapters.code_check.checker import CodeChecker

__all__ = ["CodeChecker"]
