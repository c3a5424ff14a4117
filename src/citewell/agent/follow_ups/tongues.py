"""The small words of questions in four languages: what leans on something, and what may hold it."""

import re
from dataclasses import dataclass

from citewell.domain.words import WORD


@dataclass(frozen=True, slots=True)
class Tongue:
    """One language; all words are in lower case.

    `standing` pronouns stand for a person or thing, `owning` ones say whose something is,
    `pointing` ones at what was said, `closing` ones only as a question's last word. `joining` words
    begin another clause. `opening` is what a question begins with that goes on where the last one
    ended, `empty` where a pronoun means nothing, `person` what asks for somebody.
    """

    code: str
    asking: frozenset[str]
    helping: frozenset[str]
    standing: frozenset[str]
    owning: frozenset[str]
    pointing: frozenset[str]
    closing: frozenset[str]
    articles: frozenset[str]
    joining: frozenset[str]
    linking: frozenset[str]
    opening: re.Pattern[str]
    empty: re.Pattern[str]
    person: frozenset[str]

    @property
    def small(self) -> frozenset[str]:
        """The words that name nothing."""
        return (
            self.asking | self.helping | self.standing | self.owning | self.pointing
            | self.closing | self.articles | self.joining | self.linking
        )  # fmt: skip


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ENGLISH = Tongue(
    code="en",
    asking=_words("what which who whom whose when where why how"),
    helping=_words(
        "is are was were be been being am do does did has have had can could will would shall"
        " should may might must"
    ),
    standing=_words("he him she her it they them"),
    owning=_words("his her hers its their theirs"),
    pointing=_words("this these"),
    closing=_words("that those there"),
    articles=_words("the a an"),
    joining=_words(
        "when if because while after before since that which who whom whose where and or but than"
        " as until although though so"
    ),
    linking=_words(
        "of in on at by to for from with about against into onto over under during through near"
        " between among within without per not also else many much more most very other"
    ),
    opening=re.compile(
        r"^(?:(?:and|but|so|or|then)\b[\s,]*)?(?:what|how) about\b"
        r"|^(?:and|but|or)\b(?:\s+then\b)?|^(?:the )?same (?:question )?(?:for|with)\b",
        re.IGNORECASE,
    ),
    empty=re.compile(
        r"\b(?:is|was) it (?:true|possible|necessary|likely|legal|allowed|safe|worth|raining)\b"
        r"|\bit (?:take|takes|took|rain|rains|snow|snows)\b|\btime is it\b"
        r"|\bmakes? it (?:possible|hard|easy)\b|\bit called\b|^it (?:is|was|has)\b"
        r"|\b(?:is|are|was|were|be) there\b|\bdoes it mean\b"
        r"|\bhow (?:\w+ )?(?:is|was) it (?:to|that)\b",
        re.IGNORECASE,
    ),
    person=_words("who whom whose"),
)
GERMAN = Tongue(
    code="de",
    asking=_words(
        "was wer wen wem wessen wann wo wohin woher wie warum wieso weshalb welche welcher welches"
        " welchen welchem wofür womit wodurch wieviel"
    ),
    helping=_words(
        "ist sind war waren wird werden wurde wurden hat haben hatte hatten kann können konnte"
        " soll sollte muss darf durfte bin sein gewesen worden"
    ),
    standing=_words("er ihn ihm sie ihnen es"),
    owning=_words(
        "seine seinen seinem seiner seines ihre ihren ihrem ihrer ihres dessen deren sein ihr"
    ),
    pointing=_words(
        "dies diese dieser dieses diesen diesem davon daran darin dafür damit danach dazu"
    ),
    closing=_words("das dort"),
    articles=_words("der die das den dem des ein eine einen einem einer eines"),
    joining=_words("wenn weil während nachdem bevor dass und oder aber als seit bis obwohl ob"),
    linking=_words(
        "von in im an am auf bei beim zu zum zur für aus mit über gegen nach vor durch um nicht"
        " auch noch viel viele mehr sehr so denn eigentlich"
    ),
    opening=re.compile(
        r"^(?:(?:und|aber|oder)\b[\s,]*)?(?:was|wie) (?:ist|war|wäre|steht es|sieht es)"
        r"(?: aus)? mit\b"
        r"|^(?:und|aber|oder)\b(?:\s+dann\b)?",
        re.IGNORECASE,
    ),
    empty=re.compile(
        r"\b(?:gibt|gab|regnet|geht|ging|kommt|kam|dauert|handelt) es\b"
        r"|\bes (?:gibt|gab|regnet|geht|ist)\b"
        r"|\b(?:ist|war|wäre) es (?:möglich|wahr|richtig|erlaubt|nötig|sicher|erforderlich)\b"
        r"|\b(?:können|könnten|haben|wissen|kennen) sie\b|\bnennt man es\b|\bbedeutet es\b|^es\b"
        r"|\b(?:muss|kann|wird|soll) es geben\b|\bschaff\w+ es\b",
        re.IGNORECASE,
    ),
    person=_words("wer wen wem wessen"),
)
FRENCH = Tongue(
    code="fr",
    asking=_words(
        "que qu quoi qui quel quelle quels quelles quand où pourquoi comment combien lequel"
        " laquelle"
    ),
    helping=_words(
        "est sont était étaient fut furent sera seront a ont avait avaient eut peut peuvent doit"
        " t été être avoir"
    ),
    standing=_words("il elle ils elles lui eux y"),
    owning=_words("son sa ses leur leurs"),
    pointing=_words("ceci cela celui celle ceux celles"),
    closing=_words("ça là"),
    articles=_words("le la les l un une des du au aux"),
    joining=_words(
        "si parce lorsque quand pendant après avant depuis et ou mais que qui dont comme"
    ),
    linking=_words("de d dans en sur par à pour avec contre vers chez sans ne pas plus aussi très"),
    opening=re.compile(
        r"^(?:(?:et|mais|ou)\b[\s,]*)?(?:qu['’]en est-il|quid) (?:de|du|des|d['’])"
        r"|^et pour\b|^(?:et|mais|ou)\b(?:\s+alors\b)?",
        re.IGNORECASE,
    ),
    empty=re.compile(
        r"\bil y (?:a|avait)\b|\by a-t-il\b|\b(?:faut|pleut|neige|s['’]agit)-il\b"
        r"|\bil (?:faut|pleut)\b"
        r"|\b(?:est|était)-il (?:vrai|possible|nécessaire|permis|obligatoire)\b|\ble lui\b",
        re.IGNORECASE,
    ),
    person=_words("qui"),
)
SPANISH = Tongue(
    code="es",
    asking=_words(
        "qué quién quiénes cuál cuáles cuándo dónde adónde cómo cuánto cuánta cuántos cuántas"
        " que quien cual cuando donde como cuanto por"
    ),
    helping=_words(
        "es son era eran fue fueron será ha han había habían está están estaba puede pueden debe"
        " ser estar sido"
    ),
    standing=_words("él ella ellos ellas ello"),
    owning=_words("su sus suyo suya suyos suyas"),
    pointing=_words("esto eso aquello este esta estos estas ese esa esos esas"),
    closing=_words("allí ahí"),
    articles=_words("el la los las un una unos unas del al lo"),
    joining=_words("si porque mientras después antes desde y o u e pero que cuando como"),
    linking=_words("de en a para con sobre contra por hasta sin no también muy más se le les"),
    opening=re.compile(
        r"^[¿\s]*(?:(?:y|e|pero|o)\b[\s,]*)?(?:qué (?:hay de|tal|pasa con|sucede con))(?:l\b)?"
        r"|^[¿\s]*(?:y|e|pero|o)\b(?:\s+entonces\b)?",
        re.IGNORECASE,
    ),
    empty=re.compile(r"(?!)"),
    person=_words("quién quiénes quien"),
)
TONGUES = (ENGLISH, GERMAN, FRENCH, SPANISH)


def tongue_of(text: str) -> Tongue:
    """The language with most of its small words in the text; the first one when none has any.

    Of two with the same number it is the one whose words are the larger part of its own.
    """
    words = [word.lower() for word in WORD.findall(text)]
    counts = [sum(word in tongue.small for word in words) for tongue in TONGUES]
    if "¿" in text or "¡" in text:
        counts[TONGUES.index(SPANISH)] += 2
    return TONGUES[counts.index(max(counts))]
