"""What the DAW plug-in and its backend share: parameters, shared memory, messages, install paths."""
