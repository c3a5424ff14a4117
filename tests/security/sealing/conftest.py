"""A tenant with a book and a question in it, as the tests of the job that seals have it."""

from tests.unit.documents.conftest import owner, plain_library
from tests.unit.documents.test_resealing import house

__all__ = ["house", "owner", "plain_library"]
