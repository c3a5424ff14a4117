"""The agent, with the cache before it that an operator has asked for."""

from collections.abc import Mapping
from typing import Any

from citewell import __version__
from citewell.agent.prompts.files import names, prompt
from citewell.agent.service import Agent
from citewell.chat.answering import Answerer
from citewell.chat.caching.cached_agent import CachedAgent
from citewell.chat.caching.keys import configuration_of
from citewell.chat.caching.local_answers import LocalAnswers
from citewell.chat.caching.nearness import Nearness
from citewell.storage.database import Database


def cached(agent: Agent, database: Database, settings: Mapping[str, Any]) -> Answerer:
    """`settings` are all of the installation's, as JSON values and without secrets.

    Those of `answer_cache` say whether there is one. All of them are in its keys, with the version,
    the embedder and the prompts: which of them change answers is nobody's to remember.
    """
    chosen = settings["answer_cache"]
    if chosen["mode"] == "off":
        return agent
    model = agent.embedder.model
    embedder = [model.name, model.revision, model.dimension, model.max_tokens]
    parts = {
        "version": __version__,
        "embedder": embedder,
        "prompts": [[name, prompt(name).sha256] for name in names()],
        "settings": settings,
    }
    return CachedAgent(
        agent,
        database,
        agent.retrieval.projections,
        LocalAnswers(chosen["memory_bytes"], chosen["seconds"]),
        configuration_of(parts),
        Nearness(agent.embedder, chosen["cosine"]) if chosen["mode"] == "similar" else None,
    )
