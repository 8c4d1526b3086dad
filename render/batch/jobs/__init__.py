"""Read the jobs of a batch: TOML, CSV and Open Job Description."""
