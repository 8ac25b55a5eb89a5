"""Addresses of ledgers and their issues."""

from django.urls import path

from ledgers import views

urlpatterns = [
    path("ledgers/", views.ledger_list, name="ledger_list"),
    path("ledgers/issues/", views.issue_list, name="issue_list"),
    path("ledgers/issues/<int:pk>/", views.issue_detail, name="issue_detail"),
    path("ledgers/issues/<int:pk>/download/", views.issue_download, name="issue_download"),
    path("ledgers/<slug:code>/", views.ledger_detail, name="ledger_detail"),
    path("ledgers/<slug:code>/issue/", views.ledger_issue, name="ledger_issue"),
]
