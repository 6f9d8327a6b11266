"""Texts for a 16x2 display in the unit's language; 7-segment digits need no translation.

One table per language (texts_en.py …); only the unit's table is loaded. Plain ASCII, since the
display's character set has no accents. At most 16 characters, with the longest values filled in.
"""

LANGUAGES = ("en", "fr", "sw")

_loaded = {}


def text(language, name, *values):
    """Return a text with the values filled in. An unknown language counts as English."""
    if language not in _loaded:
        _loaded.clear()
        known = language if language in LANGUAGES else "en"
        module = __import__("firmware.texts_" + known, None, None, ("TEXTS",))
        _loaded[language] = module.TEXTS
    return _loaded[language][name].format(*values)
