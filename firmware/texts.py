"""What a 16x2 display says, in the unit's language; four 7-segment digits say the same in all.

One table per language (texts_en.py …), of which only one is loaded. Plain ASCII: the display's
character set has no accents. 16 characters at most, with the longest values filled in.
"""

LANGUAGES = ("en", "fr", "sw")

_loaded = {}


def text(language, name, *values):
    """One text, with its values filled in. An unknown language is English."""
    if language not in _loaded:
        _loaded.clear()
        known = language if language in LANGUAGES else "en"
        module = __import__("firmware.texts_" + known, None, None, ("TEXTS",))
        _loaded[language] = module.TEXTS
    return _loaded[language][name].format(*values)
