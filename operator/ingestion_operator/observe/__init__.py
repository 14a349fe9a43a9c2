"""Everything that is looked up before a decision."""
