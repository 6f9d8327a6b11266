"""The work bench: build, flash, deploy, provision, verify, and the ways to talk to a unit."""
