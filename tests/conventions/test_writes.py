"""Who may go round the scoped managers, write SQL or read the clock: lists with a reason for each name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

PROJECT = Path(settings.PROJECT)
APPS = ("students", "subsidies", "dropout", "ledgers")

# The kernel itself may; outside it only these, each for a reason.
UNSCOPED = {
    "dropout/deferrals.py": "whether the child has an open case, whoever sees it: yes or no",
    "dropout/public.py": "what is published of draws that concern a county: seeds and checksums, nobody's name",
    "dropout/retention.py": "whether a child of an intake studies anywhere now: yes or no",
    "dropout/indicators.py": "whether a child in sight is on any roll: yes or no",
    "dropout/warnings.py": "thresholds of the areas above, which their schools go by",
    "dropout/visits.py": "photos of visits that the caller sees, whichever side took them",
    "dropout/story.py": "steps of a case that the caller sees, whichever side made them",
    "dropout/cases.py": "what was said last of the children of cases in sight; whether a child has one out of sight: yes or no",
    "dropout/deadlines.py": "a county's deadlines, which its schools go by",
    "dropout/proving.py": "who said that a child in sight is back: names alone, so that nobody proves an own word",
    "students/facts.py": "whether a child's home keeps a list of orphans: none of its rows",
    "students/imports/pipeline.py": "counts of a file the caller already holds",
    "students/imports/work.py": "a job's own file, named by its parameters",
    "students/imports/undo.py": "the batch itself, whose state a lock holds; what its file asked goes with it",
    "students/imports/tracks.py": "the file of a batch that the caller holds",
    "students/imports/telling.py": "the file of a batch that the caller holds",
    "students/imports/planning.py": "which batches are undone, whoever sees them: their keys",
    "subsidies/casework/assessing.py": "what a meeting in sight gave, by the meeting's key",
    "subsidies/casework/scoring.py": "whether any meeting has used an index, as it is loaded",
    "subsidies/casework/county.py": "whether a child is aided by its other home: yes or no",
    "subsidies/casework/approvals.py": "the documents that decided on applications in sight, which their county keeps",
    "subsidies/casework/timeline.py": "days of the documents that decided on a child in sight",
    "subsidies/casework/windows.py": "a county's window, which its schools go by",
    "subsidies/giving/loans.py": "whether a contract's number is known to anybody: yes or no",
    "subsidies/compute.py": "the last whole run of a term, whoever asked for it",
    "subsidies/runs.py": "a job's own run and parts",
    "subsidies/clauses.py": "texts that the offices above have pasted for those below",
    "subsidies/board.py": "runs of the offices above: when they ran, not whom they reached",
    "subsidies/payments/doubles.py": "whether another office's record may be the same child: yes or no",
    "subsidies/payments/funnel.py": "whether a child in sight stands on its office's list, or was decided on: yes or no",
    "subsidies/payments/stopped.py": "whether a child in sight is out of school, or its family has refused: yes or no",
    "subsidies/payments/obstacles.py": "whether money has come down to the office that pays a child in sight: yes or no",
}
BULK = {
    "dropout/exams.py": "results of pupils found in scope",
    "dropout/drawing.py": "the lines of a draw, of children found in scope",
    "dropout/reporting.py": "due items of offices, by the daily round",
    "ledgers/schedules.py": "due items of offices, by the daily round and by the office above",
    "subsidies/payments/accountlists.py": "cards of students found in scope",
    "subsidies/actions.py": "the benefits' names, which everybody reads",
}
SQL = {
    "dropout/deferrals.py": "a lock per child",
    "subsidies/payments/indicators.py": "a lock per office and term",
    "subsidies/giving/common.py": "a lock per form",
    "subsidies/casework/classlist.py": "one statement over classes of schools found in scope, compiled from scoped querysets",
    "dropout/board.py": "compiled from scoped querysets",
    "dropout/warnings.py": "facts of the own area's pupils, looked at across offices by the key of the person alone",
    "dropout/drawing.py": "a lock for the seed",
    "dropout/comparing.py": "rosters of an area as sets, looked at across offices by the key of the person alone",
    "dropout/suspicions.py": "cases of the lines that a comparison of the own area has written",
    "dropout/daily.py": "the level of cases over their day, by the daily round, each with its event",
    "dropout/merged.py": "moves a student's rows and case to another one",
    "dropout/caring.py": "files for children found in scope, in one INSERT … SELECT; a lock per kind",
    "dropout/measures.py": "a lock per case",
    "dropout/rounds.py": "how the rounds of cases found in scope ended, in one INSERT … SELECT",
    "dropout/resting.py": "counts of the cases that stand on a batch's rows, on either side",
    "dropout/cases.py": "the word to those who pay, of cases found in scope, in one INSERT … SELECT; a lock per child",
    "subsidies/payments/listing.py": "a batch's lines from scoped querysets, in one INSERT … SELECT; what is off it, thawed",
    "subsidies/payments/batches.py": "a lock for the number; a batch's balance, which the caller sees",
    "subsidies/payments/accounts.py": "whether a card is another household's too, or a teacher's: yes or no; a lock per child",
    "subsidies/casework/assessing.py": "what a meeting gives its scoped applications, in one INSERT … SELECT; their ranks",
    "subsidies/casework/quota.py": "a lock per school and term",
    "subsidies/casework/refusing.py": "what the families of scoped applications or enrolments refuse, in one INSERT … SELECT",
    "subsidies/refused.py": "the state of the rows that the one MERGE has written",
    "subsidies/casework/noticelists.py": "a notice's lines from scoped querysets, in one INSERT … SELECT",
    "subsidies/actions.py": "determinations, compiled from scoped querysets",
    "subsidies/blocks.py": "looks into indexes for numbers of blocks",
    "subsidies/facts.py": "the terms and areas the facts name",
    "subsidies/offers.py": "the SELECT of the one MERGE",
    "students/exports.py": "what a sheet says beside its rows, read through the scoped manager",
    "students/imports/again.py": "rows of one file taken over from another of the same office",
    "students/imports/checks.py": "set-based checks of one file's rows",
    "students/imports/decided.py": "whose consent a row takes, and what was decided before, across offices",
    "students/imports/deciding.py": "decisions on rows, which the caller has seen in scope",
    "students/imports/matching.py": "pairs among the people in sight of the file's office",
    "students/merging.py": "moves everything of a person the caller sees to another one",
    "subsidies/merged.py": "moves a student's lines to another one",
    "students/imports/edits.py": "a returned sheet's rows against what its office exported",
    "students/imports/homes.py": "owner paths themselves are derived here",
    "students/imports/journal.py": "names the batch to the triggers",
    "students/imports/tracks.py": "what a batch wrote, whoever sees it now",
    "students/imports/planning.py": "what an undo does with each record, in one SELECT, whoever sees it now",
    "students/imports/restoring.py": "what the plan of an undo says, a few statements for each table",
    "students/imports/telling.py": "what an undo brings back, and the names of what stays",
    "students/imports/undo.py": "what was written since by whomever",
    "subsidies/plans/making.py": "plans and their lines for households found in scope, an INSERT … SELECT each; a lock",
    "subsidies/plans/away.py": "a check for children found in scope, in one INSERT … SELECT; locks",
    "subsidies/plans/merged.py": "moves a student's lines of plans to another one",
    "subsidies/resting.py": "counts of what rests on a batch, on either side",
    "subsidies/giving/merged.py": "moves a student's loans, gifts and helpers to another one",
    "subsidies/vocational/merged.py": "moves a student's lines as 两后生 and calls to another one",
    "subsidies/vocational/leavers.py": "lines for leavers found in the own area, in one INSERT … SELECT; a lock per year",
    "subsidies/vocational/following.py": "calls to graduates, by the daily round, in one INSERT … SELECT; a lock",
    "subsidies/payments/recovering.py": "recoveries from differences found in scope, in one INSERT … SELECT; a mark",
    "students/imports/names.py": "names are judged across offices",
    "students/imports/pipeline.py": "staging and commit of one file",
    "students/panels.py": "how many of some scoped querysets, in one statement",
    "students/carry.py": "a term's enrolments from the last one's, of the area of whoever acts",
    "students/imports/missing.py": "a whole register against what its office recorded",
    "students/registration.py": "codes of the terms in the table; which are in sight the scoped manager says",
    "students/views/imports.py": "a lock against uploading twice at once",
    "subsidies/board.py": "compiled from scoped querysets",
    "subsidies/payments/cells.py": "compiled from scoped querysets: everything is joined to the children found in scope",
    "subsidies/payments/board.py": "figures and names of those cells",
    "subsidies/payments/citywide.py": "those cells by county, compiled from scoped querysets",
    "subsidies/homes.py": "what goes with a home that has moved, whichever offices it lies between; one audited UPDATE each",
    "subsidies/payments/reasons.py": "a reason for those cells, in one INSERT … SELECT",
    "subsidies/casework/matched.py": "boxes of drafts as the lists stand, for enrolments found in scope",
    "subsidies/casework/rosters.py": "drafts from one file's rows, for children enrolled in its office's scope",
    "subsidies/casework/prefill.py": "forms made from the last ones, for enrolments found in scope",
    "subsidies/casework/responsible.py": "names for the students of enrolments found in scope",
    "subsidies/certificate.py": "digests over a whole part of the country",
    "subsidies/compute.py": "the one MERGE",
    "subsidies/explain.py": "one student, found through the scoped manager",
    "subsidies/funnel.py": "compiled from scoped querysets",
    "subsidies/gains.py": "sums over one rehearsal's rows, which the caller holds",
    "subsidies/lint.py": "counts of students a draft's rules match, in scope",
    "subsidies/rehearse.py": "the two computations side by side, for students under the scope's own path",
    "subsidies/runs.py": "locks",
    "subsidies/payments/files.py": "accounts of a locked batch's lines, compiled from scoped querysets; COPY of its sendings",
    "subsidies/payments/returns.py": "what a bank said of a locked batch's sendings, in one statement each",
    "subsidies/verify.py": "a run computed anew beside its record",
    "ledgers/actions.py": "locks, and one state of the database for a whole workbook",
    "ledgers/packing.py": "a lock per office and period",
    "ledgers/comparisons.py": "a lock per office and pair of issues",
    "ledgers/countyform.py": "a lock per office and ledger, for the number of a version",
    "ledgers/progress/tasks.py": "a lock per line of work, where two give the same task",
    "ledgers/definitions/aid_summary.py": "compiled from scoped querysets",
}
# Acting with another scope than one's own.
ACTING = {
    "dropout/demo.py": "the demo's people act each in their own office",
    "dropout/warnings.py": "a county's weekly job, asked for by the daily round, is the county's",
    "dropout/comparing.py": "a child's case is anybody's who has the child; the lines are of the own area",
    "dropout/rectifying.py": "what is overdue, whoever gave it",
    "subsidies/payments/reminding.py": "reminders of what is to be done anew, which the county that says so does not see",
    "dropout/views/public.py": "anybody's tip or answer, to one county; its supervisors, which are public",
    "subsidies/demo/county.py": "the demo's people act each in their own office",
    "subsidies/vocational/demo.py": "the demo's people act each in their own office",
    "subsidies/demo/payments.py": "the demo's people act each in their own office",
    "subsidies/demo/school.py": "the demo's people act each in their own office",
    "subsidies/payments/batches.py": "a school's word moves its county's batch on",
    "subsidies/casework/public.py": "what is public: running notices, as published",
    "subsidies/casework/struck.py": "lines of notices, whoever published them, about applications found in scope",
    "subsidies/views/casework/objections.py": "anybody's objection to a running notice",
    "students/imports/pipeline.py": "the command line's import, by the system",
    "students/management/commands/import_roster.py": "the command line's office of the region, made when absent",
    "students/imports/work.py": "people are matched through the whole system by keyed hash",
    "students/imports/undo.py": "what rests on a batch counts, whoever recorded it",
    "students/imports/deciding.py": "an agreed row is its own office's, the facts the other's",
    "students/merging.py": "what refers to the person that goes may be anybody's",
    "students/views/evidence.py": "that another office names the number: office, list, name and school, nothing else",
    "students/management/commands/undo_import.py": "the command line's undo, of a file in the region's scope",
    "subsidies/actions.py": "a recompute belongs to the region it computes, which is the caller's own",
    "ledgers/actions.py": "the newest run above the own office: its digests only",
}
CLOCK = {
    "students/imports/pipeline.py": "the moment of an import, not a business date",
    "students/imports/undo.py": "the moment of an undo, not a business date",
    "students/imports/reader.py": "nobody on a list is born after it is read",
}
DOMAIN = re.compile(r"^\w+/(facts|rules|compute|explain|certificate|funnel|flows)\.py$|/imports/|/definitions/")


def code(path: Path) -> str:
    """A module without comments; strings stay, because SQL lives in them."""
    return re.sub(r"(?m)(^|\s)#.*$", "", path.read_text(encoding="utf-8"))


def users_of(pattern: str, *, only: re.Pattern[str] = re.compile("")) -> set[str]:
    """Modules of the apps whose code matches."""
    paths = (path for app in APPS for path in sorted((PROJECT / app).rglob("*.py")) if "migrations" not in path.parts)
    names = {str(path.relative_to(PROJECT)): path for path in paths}
    return {name for name, path in names.items() if only.search(name) and re.search(pattern, code(path))}


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        (r"\b_base_manager\b", UNSCOPED),
        (r"\bbulk_create\(|\bbulk_update\(", BULK),
        (r"\.raw\(|\bRawSQL\b|\.extra\(|\bcursor\(|\bexecute_wrapper\b", {}),
        (r"\bsql\.\w+\(|from aidcases\.sql import", SQL),
        (r"from django\.db import.*\bconnection\b", {}),
        (r"\bacting_in\(", ACTING),
        (r"\bInScope\b|\b_acting\b", {}),
    ],
)
def test_the_way_round_the_scope_is_taken_by_those_listed_and_nobody_else(pattern: str, allowed: dict[str, str]):
    assert users_of(pattern) == set(allowed)


def test_the_domain_is_told_the_day_and_does_not_look_at_the_clock():
    clock = r"\b(date|datetime)\.(now|today|utcnow)\(|\btimezone\.(now|localdate|localtime)\(|\btime\.time\(|\bNow\(\)"
    assert users_of(clock, only=DOMAIN) == set(CLOCK)


def test_the_patterns_see_what_they_look_for(tmp_path: Path):
    sample = tmp_path / "x.py"
    sample.write_text("a = 1  # Person._base_manager\nb = '#fff'\nPerson.objects.raw('SELECT 1')\n", encoding="utf-8")
    assert "_base_manager" not in code(sample)
    assert ".raw(" in code(sample)
    assert DOMAIN.search("students/imports/cells.py")
    assert DOMAIN.search("subsidies/rules.py")
    assert not DOMAIN.search("subsidies/views/runs.py")
