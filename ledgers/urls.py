"""Addresses of ledgers and their issues."""

from django.urls import include, path

from ledgers.views import books, countyforms, issues, rows, verifying

urlpatterns = [
    path("", include("ledgers.urls_progress")),
    path("", include("ledgers.urls_reporting")),
    path("ledgers/", books.ledger_list, name="ledger_list"),
    path("ledgers/issues/", issues.issue_list, name="issue_list"),
    path("ledgers/issues/<int:pk>/", issues.issue_detail, name="issue_detail"),
    path("ledgers/issues/<int:pk>/download/", issues.issue_download, name="issue_download"),
    path("ledgers/issues/<int:pk>/certificate/", verifying.issue_certificate, name="issue_certificate"),
    path("ledgers/verify/", verifying.ledger_verify, name="ledger_verify"),
    path("ledgers/verify/file/", verifying.ledger_verify_file, name="ledger_verify_file"),
    path("ledgers/verify/<int:pk>/", verifying.ledger_verified, name="ledger_verified"),
    path("ledgers/forms/", countyforms.form_list, name="form_list"),
    path("ledgers/forms/new/", countyforms.form_new, name="form_new"),
    path("ledgers/forms/upload/", countyforms.form_upload, name="form_upload"),
    path("ledgers/forms/<int:pk>/", countyforms.form_detail, name="form_detail"),
    path("ledgers/forms/<int:pk>/save/", countyforms.form_save, name="form_save"),
    path("ledgers/forms/<int:pk>/withdraw/", countyforms.form_withdraw, name="form_withdraw"),
    path("ledgers/forms/<int:pk>/file/", countyforms.form_file, name="form_file"),
    path("ledgers/forms/shipped/<slug:code>/", countyforms.form_shipped, name="form_shipped"),
    path("ledgers/<slug:code>/rows/", rows.ledger_rows, name="ledger_rows"),
    path("ledgers/<slug:code>/", books.ledger_detail, name="ledger_detail"),
    path("ledgers/<slug:code>/issue/", books.ledger_issue, name="ledger_issue"),
]
