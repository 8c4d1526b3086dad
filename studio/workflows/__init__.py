"""What each `pisada` command does."""
