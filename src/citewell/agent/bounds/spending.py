"""The spending of the run that goes on, for whoever is inside it."""

from langgraph.runtime import get_runtime

from citewell.agent.bounds.limits import Context, Spending


def spending() -> Spending:
    """The run's that goes on; one without limits reached where a graph runs by itself."""
    context = get_runtime(Context).context
    return context.spending if isinstance(context, Context) else Spending()
