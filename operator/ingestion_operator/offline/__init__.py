"""What can be said without a cluster and without AWS."""
