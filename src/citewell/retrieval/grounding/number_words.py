"""How numbers, months and units are written in words: data for `numbers` and `dates`."""

from collections.abc import Mapping

# Small numbers, by language; words that are articles too (one, ein, un) say no number.
_SMALL = {
    "en": "zero _ two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    " fifteen sixteen seventeen eighteen nineteen",
    "de": "null _ zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn"
    " fünfzehn sechzehn siebzehn achtzehn neunzehn",
    "fr": "zéro _ deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze"
    " seize _ _ _",
    "es": "cero _ dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince"
    " dieciséis diecisiete dieciocho diecinueve",
}
_ONE = "a an one ein eine einen einem einer eins un une uno una"
_TENS = {
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "de": "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "fr": "vingt trente quarante cinquante soixante _ _ _",
    "es": "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
}
_ORDINALS = {
    "en": "_ first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
    " thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth",
    "de": "_ erste zweite dritte vierte fünfte sechste siebte achte neunte zehnte elfte zwölfte",
    "fr": "_ _ deuxième troisième quatrième cinquième sixième septième huitième neuvième dixième",
    "es": "_ primero segundo tercero cuarto quinto sexto séptimo octavo noveno décimo",
}
_SCALES = {
    100: "hundred hundert cent cien ciento",
    1_000: "thousand tausend mille mil",
    1_000_000: "million millions mn mio million. millionen millones millón",
    1_000_000_000: "billion billions bn mrd milliarde milliarden milliard milliards",
    1_000_000_000_000: "trillion trillions billionen",
}
_CHINESE = "零一二三四五六七八九十"


def _numbered(words: Mapping[str, str], first: int, step: int = 1) -> dict[str, int]:
    return {
        word: first + step * place
        for line in words.values()
        for place, word in enumerate(line.split())
        if word != "_"
    }


ONES = frozenset(_ONE.split())
SMALL = {**_numbered(_SMALL, 0), "dozen": 12, "dutzend": 12, "douzaine": 12, "docena": 12}
TENS = _numbered(_TENS, 20, 10)
ORDINALS = _numbered(_ORDINALS, 0)
SCALES = {word: value for value, line in _SCALES.items() for word in line.split()}
CHINESE = {"〇": 0, **{character: value for value, character in enumerate(_CHINESE)}}

_MONTHS = (
    "january jan januar jänner janvier enero",
    "february feb februar février fevrier febrero",
    "march mar märz mars marzo",
    "april apr avril abril",
    "may mai mayo",
    "june jun juni juin junio",
    "july jul juli juillet julio",
    "august aug août aout agosto",
    "september sep sept septembre septiembre",
    "october oct oktober okt octobre octubre",
    "november nov novembre noviembre",
    "december dec dezember dez décembre decembre diciembre",
)
MONTHS = {word: n for n, line in enumerate(_MONTHS, start=1) for word in line.split()}

# What is measured in the same unit; the first name stands for all.
_UNITS = (
    "% percent percentage prozent",
    "km kilometre kilometres kilometer kilometers kilometern kilomètre kilomètres kilómetros",
    "m metre metres meter meters metern mètre mètres metros",
    "cm centimetre centimetres centimeter centimeters zentimeter centimètres centímetros",
    "mm millimetre millimetres millimeter millimeters millimètres milímetros",
    "mile miles mi meile meilen milles millas",
    "foot feet ft fuß pieds pies",
    "inch inches zoll pouces pulgadas",
    "yard yards yd",
    "kg kilogram kilograms kilogramm kilogrammes kilogramos kilos",
    "g gram grams gramm grammes gramos",
    "ton tons tonne tonnes tonnen toneladas",
    "pound pounds lb lbs pfund livres libras £",
    "ounce ounces oz",
    "second seconds sekunde sekunden secondes segundos",
    "minute minutes minuten minutos",
    "hour hours stunde stunden heure heures horas",
    "day days tag tage tagen jour jours días",
    "week weeks woche wochen semaine semaines semanas",
    "month months monat monate monaten mois meses",
    "year years jahr jahre jahren ans années años",
    "century centuries jahrhundert jahrhunderte siècle siècles siglo siglos",
    "°c celsius",
    "°f fahrenheit",
    "$ dollar dollars usd dólares",
    "€ euro euros eur",
    "kb kilobyte kilobytes",
    "mb megabyte megabytes",
    "gb gigabyte gigabytes",
    "tb terabyte terabytes",
    "hectare hectares hektar ha",
    "acre acres",
    "litre litres liter liters litern litros",
    "hz hertz",
    "mhz megahertz",
    "ghz gigahertz",
    "w watt watts",
    "kw kilowatt kilowatts",
    "mw megawatt megawatts",
)
UNITS = {word: line.split()[0] for line in _UNITS for word in line.split()}
UNITS |= dict.fromkeys(("per cent", "pour cent", "por ciento"), "%")
