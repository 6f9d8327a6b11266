"""The terminal panel: the controller drawn, and tokens ready to be typed."""
