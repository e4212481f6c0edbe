"""The HTTP edge: STOW-RS, QIDO-RS and WADO-RS (PS3.18), one module per service. Nothing is served yet."""
