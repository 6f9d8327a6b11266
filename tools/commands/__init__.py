"""One file for each command of `payg`: options, printing, exit codes."""
