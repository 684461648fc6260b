"""The tables of ``docs/plan.md``, made from the records of ``plan_format``.

``python -m optimizer.plan_page`` renews them inside the page; a test holds the file equal to that.
"""

from __future__ import annotations

from pathlib import Path

from instances.format_page import BEGIN, END, record_table
from optimizer import plan_format

PAGE = Path(__file__).parent.parent / "docs" / "plan.md"
RECORDS = (
    plan_format.PlanDocument,
    plan_format.PublicationRow,
    plan_format.TermRow,
    plan_format.StageRow,
    plan_format.MomentRow,
    plan_format.RouteRow,
    plan_format.AssignmentRow,
    plan_format.ExecutionRow,
    plan_format.IncumbentRow,
    plan_format.BackupRow,
    plan_format.CertificateRow,
    plan_format.BranchRow,
    plan_format.SiteRow,
    plan_format.LoadRow,
    plan_format.SourceRow,
    plan_format.LinkRow,
    plan_format.ModuleRow,
)


def renewed(page: str) -> str:
    """The text of the page with a table of fields for each record between its marks."""
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    return before + BEGIN + "\n".join(record_table(model) for model in RECORDS) + END + after


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
