"""`payg board test`: the acceptance run of a real board on a desk."""
