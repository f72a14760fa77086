"""What claims come to, as text, as Markdown (`docs/claims.md`) and as a section of the page."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from html import escape
from itertools import groupby

from hashjoule.economics.claims.findings import Finding
from hashjoule.report.numbers import change, count, unpadded

WIDTH = 80


def claims_text(findings: Sequence[Finding]) -> str:
    """Return every finding as a paragraph of at most 80 columns; only commands may be longer."""
    parts = []
    for finding in findings:
        lines = [f"{finding.claim.id}: {finding.verdict}"]
        for label, words in _facts(finding):
            lines.append(
                textwrap.fill(
                    words,
                    WIDTH,
                    initial_indent=f"  {label:<12}",
                    subsequent_indent=" " * 14,
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            )
        parts.append("\n".join([*lines, f"  {finding.command}"]))
    return "\n\n".join([*parts, summary(findings)])


def claims_markdown(findings: Sequence[Finding]) -> str:
    """Return the findings as a Markdown page, by article."""
    parts = [
        "# Claims, checked",
        "Articles argue about mining with numbers. Each claim below is a line of `src/hashjoule/data/claims.csv`, "
        "in our own words; `hashjoule claims` checks them against the data set and writes this page. The "
        "commands show what a finding rests on. Within 3% a number is consistent, beyond 25% it is contradicted.",
        summary(findings),
    ]
    for article, of_article in groupby(findings, key=lambda finding: finding.claim.article):
        members = list(of_article)
        parts.append(f"## {article} ({members[0].claim.date})")
        parts += [_markdown(finding) for finding in members]
    return "\n\n".join(parts)


def claims_html(findings: Sequence[Finding]) -> str:
    """Return the findings as the inside of a section: the summary, and a list with verdicts that opens."""
    items = "".join(
        f"<dt><b>{escape(finding.verdict.partition(':')[0])}</b>: {escape(_stated(finding))}</dt>"
        f"<dd>{escape('; '.join(words for label, words in _facts(finding) if label != 'stated'))}"
        f"<br><code>{escape(finding.command)}</code></dd>"
        for finding in findings
    )
    return f'<details><summary>{escape(summary(findings))}</summary><dl class="notes">{items}</dl></details>'


def summary(findings: Sequence[Finding]) -> str:
    """Return how many claims came out how, in one sentence."""
    kinds = Counter(_kind(finding) for finding in findings)
    parts = [f"{number} {kind}" for kind, number in kinds.most_common()]
    return f"{count(len(findings), 'claim')}: {', '.join(parts)}."


def _kind(finding: Finding) -> str:
    head = finding.verdict.partition(":")[0]
    return "off" if head.startswith("off by") else head


def _stated(finding: Finding) -> str:
    claim = finding.claim
    if claim.value is None:
        return claim.statement
    space = "" if claim.unit == "%" else " "
    return f"{claim.statement}: {unpadded(claim.value)}{space}{claim.unit}".rstrip()


def _facts(finding: Finding) -> list[tuple[str, str]]:
    """Return what there is to say, each with its label."""
    difference = "" if finding.difference is None else change(1 + finding.difference)
    facts = (
        ("stated", _stated(finding)),
        ("implies", finding.implies),
        ("data", finding.found),
        ("difference", difference),
        ("note", finding.claim.note),
    )
    return [(label, words) for label, words in facts if words]


def _markdown(finding: Finding) -> str:
    lines = [f"**{finding.claim.id}: {finding.verdict}**", ""]
    lines += [f"- {label}: {words}" for label, words in _facts(finding)]
    return "\n".join([*lines, f"- command: `{finding.command}`"])
