"""Runs of the lifecycle: what is due is planned, shown, and carried out step by step."""
