"""What the DAW plug-in and its backend share: parameters, memory, messages, where they are installed."""
