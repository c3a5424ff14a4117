"""What the agent says in its own words, in the language of the question; English where it must."""

from collections.abc import Mapping
from dataclasses import dataclass

FALLBACK = "en"
QUESTION_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Wording:
    """The agent's own sentences in one language; `{question}` stands for what was asked."""

    nothing_near: str
    nothing_found: str
    not_said: str

    def about(self, pattern: str, question: str) -> str:
        """One of the sentences, with the question in its place, shortened."""
        asked = " ".join(question.split())
        if len(asked) > QUESTION_SHOWN:
            asked = asked[: QUESTION_SHOWN - 1] + "…"
        # The question is a value, never a template.
        return pattern.replace("{question}", asked)


WORDINGS: Mapping[str, Wording] = {
    "en": Wording(
        nothing_near="The documents do not answer this. I looked for “{question}” and found nothing"
        " that says it; the nearest passages are listed as related, not as an answer.",
        nothing_found="There is nothing to answer from: no document in the collections that were"
        " asked mentions anything of “{question}”.",
        not_said="The documents that were found do not say it. The nearest passages are listed as"
        " related, not as an answer.",
    ),
    "de": Wording(
        nothing_near="Die Dokumente beantworten das nicht. Ich habe nach „{question}“ gesucht und"
        " nichts gefunden, das es sagt; die nächstliegenden Stellen sind als verwandt aufgeführt,"
        " nicht als Antwort.",
        nothing_found="Es gibt nichts, woraus sich antworten ließe: Kein Dokument der befragten"
        " Sammlungen erwähnt etwas von „{question}“.",
        not_said="Die gefundenen Dokumente sagen es nicht. Die nächstliegenden Stellen sind als"
        " verwandt aufgeführt, nicht als Antwort.",
    ),
    "fr": Wording(
        nothing_near="Les documents ne répondent pas à cette question. J’ai cherché « {question} »"
        " et n’ai rien trouvé qui le dise ; les passages les plus proches sont donnés comme"
        " voisins, non comme réponse.",
        nothing_found="Il n’y a rien d’où tirer une réponse : aucun document des collections"
        " interrogées ne mentionne quoi que ce soit de « {question} ».",
        not_said="Les documents trouvés ne le disent pas. Les passages les plus proches sont donnés"
        " comme voisins, non comme réponse.",
    ),
    "es": Wording(
        nothing_near="Los documentos no responden a esto. He buscado «{question}» y no he"
        " encontrado nada que lo diga; los pasajes más cercanos se muestran como relacionados,"
        " no como respuesta.",
        nothing_found="No hay nada de donde responder: ningún documento de las colecciones"
        " consultadas menciona nada de «{question}».",
        not_said="Los documentos encontrados no lo dicen. Los pasajes más cercanos se muestran como"
        " relacionados, no como respuesta.",
    ),
}

_NAMES = (
    "ar Arabic|cs Czech|da Danish|de German|el Greek|en English|es Spanish|fi Finnish|fr French"
    "|he Hebrew|hi Hindi|hu Hungarian|hy Armenian|id Indonesian|it Italian|ja Japanese|ko Korean"
    "|nl Dutch|no Norwegian|pl Polish|pt Portuguese|ro Romanian|ru Russian|sv Swedish|ta Tamil"
    "|th Thai|tr Turkish|vi Vietnamese|zh Chinese"
)
_LANGUAGES = dict(one.split(" ", 1) for one in _NAMES.split("|"))


def wording(language: str) -> Wording:
    """The agent's sentences in this language (ISO 639-1), English when it has none."""
    return WORDINGS.get(language, WORDINGS[FALLBACK])


def language_name(language: str) -> str:
    """What a language is called in English, "" when it is not known."""
    return _LANGUAGES.get(language, "")
