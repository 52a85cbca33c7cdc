"""Registers that are asked: whether cards are valid, whether companies are sound."""
