"""Records on two media: every order of writes, cuts and faults, by enumeration."""
