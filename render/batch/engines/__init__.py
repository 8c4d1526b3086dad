"""Engines that run the jobs of a batch: local processes or Ray."""
