"""The use case and its passes over one pipeline or one account."""
