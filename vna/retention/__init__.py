"""How long things are kept: profiles of rules as data, and their evaluation. Pure: no clock, no index, no I/O."""
