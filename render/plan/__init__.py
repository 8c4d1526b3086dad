"""Resolve cues, project and bank into a plan: every sound at its sample."""
