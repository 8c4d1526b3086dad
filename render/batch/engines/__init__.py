"""What runs the jobs of a batch: local processes or Ray."""
