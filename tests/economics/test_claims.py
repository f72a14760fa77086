"""Claims of articles: each line of claims.csv is checked, and the page in docs/ is what the checks give now."""

from __future__ import annotations

import json
import re
import shlex
from functools import partial

import pytest
from msgspec.structs import replace

from hashjoule.data.claims import claims
from hashjoule.economics.claims.check import CHECKS, check_claim, check_claims
from hashjoule.economics.claims.findings import numeric_verdict
from hashjoule.errors import UsageError
from hashjoule.report.claims import claims_html, claims_markdown
from tests.conftest import CommandLine
from tests.support import ROOT


@pytest.fixture
def run(hashjoule: CommandLine) -> CommandLine:
    """Runs `hashjoule claims ...`: exit code, stdout, stderr."""
    return partial(hashjoule, "claims")


def verdict(name: str) -> str:
    """The verdict on a claim."""
    (finding,) = (finding for finding in check_claims() if finding.claim.id == name)
    return finding.verdict


def test_there_are_enough_claims_and_each_is_checked() -> None:
    """At least 25 from five articles, each with a verdict, what our data say, and every check in use."""
    found = check_claims()
    assert len(found) >= 25
    assert len({finding.claim.article for finding in found}) >= 5
    assert len({finding.claim.id for finding in found}) == len(found)
    for finding in found:
        assert re.match(r"consistent$|off by \d+%$|contradicted$|cannot be checked: .", finding.verdict), finding
        assert finding.found or finding.verdict.startswith("cannot be checked"), finding
        assert not finding.verdict.startswith("cannot") or len(finding.verdict) > 25, finding
    assert {claim.check for claim in claims()} == set(CHECKS)


def test_the_commands_run(hashjoule: CommandLine) -> None:
    """The command that shows what a finding rests on exists and exits with 0."""
    for command in {finding.command for finding in check_claims()}:
        program, *arguments = shlex.split(command)
        code, out, _ = hashjoule(*arguments)
        assert (program, code) == ("hashjoule", 0), command
        assert out


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("china-share", "off by 5%"),  # 14% against 13.35: 145 EH/s of a mean of 1,086
        ("china-growth", "consistent"),  # 127.4 EH/s a quarter before, our row says 125
        ("china-rank", "consistent"),
        ("us-sixty", "contradicted"),  # 35.8 to 37.8% were measured
        ("wenzhou-ai", "contradicted"),
    ],
)
def test_known_verdicts(name: str, expected: str) -> None:
    """The examples whose numbers are worked out by hand."""
    assert verdict(name) == expected


def test_a_verdict_is_how_far_a_number_is_off() -> None:
    """Within 3% consistent, beyond 25% contradicted."""
    assert numeric_verdict(0.03) == numeric_verdict(-0.03) == "consistent"
    assert numeric_verdict(0.2) == numeric_verdict(-0.2) == "off by 20%"
    assert numeric_verdict(-0.26) == "contradicted"


def test_the_page_in_docs_is_up_to_date() -> None:
    """docs/claims.md is what `hashjoule claims --format md` prints."""
    assert (ROOT / "docs" / "claims.md").read_text(encoding="utf-8") == claims_markdown(check_claims()) + "\n"


def test_a_section_of_the_page_holds_every_claim() -> None:
    """Summary, every statement and every command."""
    found = check_claims()
    html = claims_html(found)
    assert html.count("<dt>") == html.count("<code>") == len(found)


def test_output(run: CommandLine) -> None:
    """Text of 80 columns, apart from commands; JSON with the same findings; words choose."""
    code, out, _ = run()
    assert code == 0
    assert max(len(line) for line in out.splitlines() if not line.startswith("  hashjoule")) <= 80
    code, out, _ = run("--json", "china")
    document = json.loads(out)
    assert code == 0
    assert 1 < len(json.dumps(document)) < 100_000
    code, out, err = run("unicorns")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1


def test_a_bad_line_is_one_sentence() -> None:
    """A check that does not exist, and an argument that is missing or no number, name file and claim."""
    claim = claims()[0]
    for bad, said in (
        (replace(claim, check="guess"), "is not a check"),
        (replace(claim, arguments=""), "needs"),
        (replace(claim, arguments=re.sub(r"rate_ehs=[^;]*", "rate_ehs=many", claim.arguments)), "not a number"),
    ):
        with pytest.raises(UsageError, match=said) as caught:
            check_claim(bad)
        assert claim.id in str(caught.value)
