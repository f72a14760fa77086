"""Why a machine needs so much more energy for a hash than the best ASIC: a chain of factors with intervals."""

from hashjoule.efficiency.explain.chain import document, explain
from hashjoule.efficiency.explain.measured import record_subject
from hashjoule.efficiency.explain.published import best_subject, published_subject, reference_subject
from hashjoule.efficiency.explain.types import Explanation, Factor, Subject

__all__ = [
    "Explanation",
    "Factor",
    "Subject",
    "best_subject",
    "document",
    "explain",
    "published_subject",
    "record_subject",
    "reference_subject",
]
