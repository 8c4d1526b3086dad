"""The pane Timeline: an edited sheet of a tab, what is heard of it, its film and guide, and its renders."""
