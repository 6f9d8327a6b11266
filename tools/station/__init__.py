"""Build, flash, deploy, provision and verify units, and the ways to talk to a unit."""
