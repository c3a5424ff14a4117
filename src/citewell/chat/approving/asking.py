"""The end of a run that waits for a person, as AG-UI 1.0 has it: a question and how to answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ag_ui.core import Interrupt, RunFinishedEvent, RunFinishedInterruptOutcome

from citewell.chat.translation import dump
from citewell.chat.usage import RunUsage
from citewell.domain.ids import ConversationId, RunId
from citewell.domain.runs.approvals import Approval

REASON = "tool_approval"
# What a person answers with.
DECISION_SCHEMA = {
    "type": "object",
    "properties": {"approved": {"type": "boolean"}},
    "required": ["approved"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Asking:
    """The question in one language: `does` says of each label what such a tool does."""

    may: str
    does: Mapping[str, str]
    joined: str

    def about(self, tool: str, labels: Sequence[str]) -> str:
        """The question about a call of this tool."""
        does = self.joined.join(self.does[label] for label in labels if label in self.does)
        # The names are values, never templates.
        return self.may.replace("{does}", does).replace("{tool}", tool)


_ENGLISH = Asking(
    "May the tool {tool} run with exactly these arguments? It {does}.",
    {
        "write": "changes something that outlives this answer",
        "egress": "sends its arguments out of this installation",
        "cross-scope": "reaches beyond your own rights",
    },
    " and ",
)
ASKING: Mapping[str, Asking] = {
    "en": _ENGLISH,
    "de": Asking(
        "Darf das Werkzeug {tool} mit genau diesen Argumenten laufen? Es {does}.",
        {
            "write": "ändert etwas, das über diese Antwort hinaus bestehen bleibt",
            "egress": "schickt seine Argumente aus dieser Installation hinaus",
            "cross-scope": "reicht über Ihre eigenen Rechte hinaus",
        },
        " und ",
    ),
    "fr": Asking(
        "L’outil {tool} peut-il s’exécuter avec exactement ces arguments ? Il {does}.",
        {
            "write": "modifie quelque chose qui subsistera après cette réponse",
            "egress": "envoie ses arguments hors de cette installation",
            "cross-scope": "dépasse vos propres droits",
        },
        " et ",
    ),
    "es": Asking(
        "¿Puede ejecutarse la herramienta {tool} con exactamente estos argumentos? {does}.",
        {
            "write": "Cambia algo que perdura más allá de esta respuesta",
            "egress": "Envía sus argumentos fuera de esta instalación",
            "cross-scope": "Va más allá de sus propios derechos",
        },
        ". ",
    ),
}


def run_paused(
    conversation_id: ConversationId,
    run_id: RunId,
    usage: RunUsage,
    approval: Approval,
    *,
    language: str = "",
) -> dict[str, Any]:
    """The last event of a run that waits: another run goes on from it.

    The question is in this `language` (ISO 639-1) if it is known, else in English.
    `metadata.rag` of the interrupt holds the exact arguments, and the digest that is decided about.
    """
    return dump(
        RunFinishedEvent(
            thread_id=str(conversation_id),
            run_id=str(run_id),
            outcome=RunFinishedInterruptOutcome(
                interrupts=[_interrupt(run_id, approval, language)]
            ),
            usage=usage.entries(),
            metadata=usage.metadata(),
        )
    )


def _interrupt(run_id: RunId, approval: Approval, language: str) -> Interrupt:
    wanted = approval.wanted
    exact = {"tool": wanted.tool, "arguments": dict(wanted.arguments), "digest": wanted.digest}
    return Interrupt(
        id=str(approval.id),
        reason=REASON,
        message=ASKING.get(language, _ENGLISH).about(wanted.tool, wanted.labels),
        tool_call_id=f"{run_id}-call-{wanted.number}",
        response_schema=DECISION_SCHEMA,
        expires_at=approval.expires_at.isoformat(),
        metadata={"rag": {**exact, "labels": list(wanted.labels)}},
    )
