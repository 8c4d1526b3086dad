"""Audio embeddings that distances and classifiers use: YAMNet and aiSFX."""
