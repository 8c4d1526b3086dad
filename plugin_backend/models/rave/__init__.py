"""RAVE models exported as TorchScript."""
