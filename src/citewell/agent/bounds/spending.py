"""The spending of the run that goes on, and its desk, for whoever is inside it."""

from langgraph.runtime import get_runtime

from citewell.agent.bounds.limits import Context, Spending
from citewell.agent.desk import Desk


def spending() -> Spending:
    """The run's that goes on; one without limits reached where a graph runs by itself."""
    context = get_runtime(Context).context
    return context.spending if isinstance(context, Context) else Spending()


def desk() -> Desk | None:
    """The run's that goes on; None where nobody can be asked."""
    context = get_runtime(Context).context
    return context.desk if isinstance(context, Context) else None
