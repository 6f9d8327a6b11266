"""The token engine against sets, small worlds, random lives and planted bugs."""
