"""Addresses of ledgers and their issues."""

from django.urls import path

from ledgers.views import books, issues

urlpatterns = [
    path("ledgers/", books.ledger_list, name="ledger_list"),
    path("ledgers/issues/", issues.issue_list, name="issue_list"),
    path("ledgers/issues/<int:pk>/", issues.issue_detail, name="issue_detail"),
    path("ledgers/issues/<int:pk>/download/", issues.issue_download, name="issue_download"),
    path("ledgers/<slug:code>/", books.ledger_detail, name="ledger_detail"),
    path("ledgers/<slug:code>/issue/", books.ledger_issue, name="ledger_issue"),
]
