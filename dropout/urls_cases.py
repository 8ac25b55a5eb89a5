"""Addresses of cases, their teams, visits and measures, of approved absences."""

from django.urls import path

from dropout.views import cases, deferrals, measures, teams, visits

urlpatterns = [
    path("dropout/cases/", cases.case_list, name="case_list"),
    path("dropout/cases/search/", cases.case_search, name="case_search"),
    path("dropout/cases/bulk/", cases.case_bulk, name="case_bulk"),
    path("students/<int:pk>/dropout/", cases.case_new, name="case_new"),
    path("students/<int:pk>/dropout/open/", cases.case_open, name="case_open"),
    path("dropout/cases/<int:pk>/", cases.case_detail, name="case_detail"),
    path("dropout/cases/<int:pk>/step/<slug:code>/", cases.case_step, name="case_step"),
    path("dropout/cases/<int:pk>/team/", teams.case_team, name="case_team"),
    path("dropout/cases/<int:pk>/team/save/", teams.case_team_save, name="case_team_save"),
    path("dropout/team/<int:pk>/reveal/", teams.team_reveal, name="team_reveal"),
    path("dropout/cases/<int:pk>/visit/", visits.visit_new, name="visit_new"),
    path("dropout/cases/<int:pk>/visit/send/", visits.visit_send, name="visit_send"),
    path("dropout/cases/<int:pk>/visit/draft/", visits.visit_draft, name="visit_draft"),
    path("dropout/visits/<int:pk>/photos/<int:key>/", visits.visit_photo, name="visit_photo"),
    path("dropout/measures/", measures.measure_list, name="measure_list"),
    path("dropout/cases/<int:pk>/measure/", measures.measure_new, name="measure_new"),
    path("dropout/cases/<int:pk>/measure/take/", measures.measure_take, name="measure_take"),
    path("dropout/deferrals/", deferrals.deferral_list, name="deferral_list"),
    path("students/<int:pk>/deferral/", deferrals.deferral_new, name="deferral_new"),
    path("students/<int:pk>/deferral/approve/", deferrals.deferral_approve, name="deferral_approve"),
    path("dropout/deferrals/<int:pk>/paper/", deferrals.deferral_paper, name="deferral_paper"),
]
