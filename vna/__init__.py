"""The archive node: what it keeps, how it is found again, and the protocols it speaks."""

__version__ = "0.1.0"
