"""Who works in a team beside the retrievers: a member is one file, and one line here."""

from citewell.agent.team import analyst
from citewell.agent.team.member import Member

MEMBERS: tuple[Member, ...] = (
    analyst.MEMBER,
)  # fmt: skip
