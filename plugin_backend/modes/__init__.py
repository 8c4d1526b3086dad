"""What rings: resonances of struck things, fitted to recordings, kept as numbers, played as decaying sinusoids."""
