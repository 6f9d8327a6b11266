"""What `payg conform` is made of: rules, model, devices, checks, report.

Nothing here shares a line with lib/opaygo: the rules are written from the protocol's text, the
tokens come from the protocol's own encoder.
"""
