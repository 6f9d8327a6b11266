"""What a 16x2 display says, in three languages; four 7-segment digits say the same in all.

Plain ASCII: the display's character set has no accents. 16 characters at most, with the longest
values filled in.
"""

LANGUAGES = ("en", "fr", "sw")

# In the order of LANGUAGES.
TABLE = {
    "token": ("Token", "Code", "Tokeni"),
    "enter": ("Enter a token", "Entrez un code", "Ingiza tokeni"),
    "day": ("1 day left", "Reste 1 jour", "Siku 1"),
    "days": ("{} days left", "Reste {} jours", "Siku {}"),
    "wait": ("Wait {} min", "Attendre {} min", "Subiri dak. {}"),
    "locked": ("Locked", "Bloque", "Imefungwa"),
    "free": ("Free", "Libre", "Huru"),
    "blank": ("No setup", "Non configure", "Haijasajiliwa"),
    "valid": ("Valid", "Valide", "Sahihi"),
    "maximum": ("Valid, maximum", "Valide, maximum", "Sahihi, kikomo"),
    "used": ("Already used", "Deja utilise", "Imeshatumika"),
    "invalid": ("Invalid", "Invalide", "Si sahihi"),
    "check": ("Check the digits", "Verifiez le code", "Angalia namba"),
    "lengths": ("{} or {}", "{} ou {}", "{} au {}"),
    "memory": ("Memory fault", "Panne de memoire", "Kumbukumbu mbovu"),
    "unstored": ("Not stored", "Non enregistre", "Haikuhifadhiwa"),
    "newer": ("Update needed", "Mise a jour", "Sasisha programu"),
    "records": ("Newer records", "Memoire recente", "Rekodi ni mpya"),
    "clock": ("Clock faults {}", "Horloge: {}", "Saa, kosa {}"),
    "serial": ("Unit ID", "Appareil", "Namba ya kifaa"),
    "count": ("Token count", "Compteur", "Idadi ya tokeni"),
    "version": ("Firmware", "Logiciel", "Programu"),
    "result": ("Last result", "Dernier essai", "Tokeo la mwisho"),
    "none": ("none", "aucun", "hakuna"),
    "waited": ("Had to wait", "A du attendre", "Ilisubiri"),
    "digits": ("Wrong digits", "Code incorrect", "Namba si sahihi"),
    "low": ("Low battery", "Batterie faible", "Betri imeisha"),
    "high": ("Battery too high", "Tension elevee", "Umeme mwingi"),
    "overload": ("Overload", "Surcharge", "Mzigo mkubwa"),
    "sensor": ("Sensor fault", "Panne de capteur", "Kihisi kibovu"),
    "bypass": ("Output bypassed", "Sortie shuntee", "Waya usiofaa"),
    "battery": ("Battery {} V", "Batterie {} V", "Betri {} V"),
    "service": ("Service needed", "Depannage requis", "Inahitaji fundi"),
    "minimal": ("Try in 10 min", "Retour en 10 min", "Jaribu dak. 10"),
    "stuck": ("Key {} stuck", "Touche {} calee", "Kitufe {} kibovu"),
}


def text(language, name, *values):
    """One text, with its values filled in. An unknown language is English."""
    number = LANGUAGES.index(language) if language in LANGUAGES else 0
    return TABLE[name][number].format(*values)
