"""What the agent gathers for a question, and cites, of the documents that hold the evidence."""

from collections.abc import Mapping
from typing import Any

from benchmarks.product import Product
from benchmarks.quality.retrieval import Laid
from citewell.domain.ids import CollectionId, DocumentId
from citewell.domain.passages import Passage
from citewell.domain.run_events import AnswerFinished, Question, SourcesFound, StepFinished
from citewell.evaluation.metrics import mean
from citewell.evaluation.sets import GoldenSet

# Their questions need more than one document.
SETS = ("two_hop", "multihop")
READ = 8


async def measure_gathered(
    product: Product, collection: CollectionId, golden: GoldenSet, laid: Laid
) -> dict[str, Any]:
    """Shares of the relevant documents: among the first `READ` of the run's sources, and cited.

    A refused question has gathered and cited nothing; `bridged` is the share of runs that went
    on from a name.
    """
    names = await product.names(collection)
    gathered, cited, answered, bridged = [], [], [], []
    for question in golden.questions:
        sources: tuple[Passage, ...] = ()
        steps: list[StepFinished] = []
        asked = Question(question.text, (collection,))
        async for event in product.app.agent.run(product.principal, asked):
            match event:
                case SourcesFound(passages):
                    sources = passages
                case StepFinished():
                    steps.append(event)
                case AnswerFinished(answer):
                    said = answer
        held = {document: laid.places[name] for document, name in names.items()}
        records = {p.document_id: {place.record for place in held[p.document_id]} for p in sources}
        gathered.append(_share(question.relevant, records, [p.document_id for p in sources[:READ]]))
        cited.append(_share(question.relevant, records, [c.document_id for c in said.citations]))
        answered.append(float(said.answered))
        bridged.append(float(any("bridged" in step.details for step in steps)))
    return {
        "questions": len(golden.questions),
        "evidence gathered": mean(gathered),
        "evidence cited": mean(cited),
        "answered": mean(answered),
        "bridged": mean(bridged),
    }


def _share(
    relevant: Mapping[str, int],
    records: Mapping[DocumentId, set[str]],
    documents: list[DocumentId],
) -> float:
    found = {record for document in documents for record in records[document]}
    return len(found & set(relevant)) / max(1, len(relevant))
