"""Addresses of the reporting upwards."""

from django.urls import path

from ledgers.views import differences, packs, submissions

urlpatterns = [
    path("ledgers/dues/", submissions.due_list, name="due_list"),
    path("ledgers/dues/board/", submissions.due_board, name="due_board"),
    path("ledgers/dues/<int:pk>/", submissions.due_detail, name="due_detail"),
    path("ledgers/dues/<int:pk>/submit/", submissions.due_submit, name="due_submit"),
    path("ledgers/issues/<int:pk>/submit/", submissions.issue_submit, name="issue_submit"),
    path("ledgers/issues/<int:pk>/compare/", differences.issue_compare, name="issue_compare"),
    path("ledgers/issues/<int:pk>/compare/sheet/", differences.issue_compare_sheet, name="issue_compare_sheet"),
    path("ledgers/issues/<int:pk>/compare/start/", differences.issue_compare_start, name="issue_compare_start"),
    path("ledgers/submissions/<int:pk>/accept/", submissions.submission_accept, name="submission_accept"),
    path("ledgers/submissions/<int:pk>/back/", submissions.submission_send_back, name="submission_send_back"),
    path("ledgers/schedule/", submissions.schedule_list, name="schedule_list"),
    path("ledgers/schedule/set/", submissions.schedule_set, name="schedule_set"),
    path("ledgers/bundles/", packs.bundle_list, name="bundle_list"),
    path("ledgers/bundles/new/", packs.bundle_new, name="bundle_new"),
    path("ledgers/bundles/<int:pk>/", packs.bundle_detail, name="bundle_detail"),
    path("ledgers/bundles/<int:pk>/paper/", packs.bundle_paper, name="bundle_paper"),
    path("ledgers/bundles/<int:pk>/download/", packs.bundle_download, name="bundle_download"),
]
