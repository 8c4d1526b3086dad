"""The plan: cues, project and bank resolved, every cue at its exact sample."""
