"""Addresses of the law, of placements, of close-outs, of looking again, of deadlines."""

from django.urls import path

from dropout.views import deadlines, legal, placing

urlpatterns = [
    path("dropout/cases/<int:pk>/law/", legal.legal_new, name="legal_new"),
    path("dropout/cases/<int:pk>/law/take/", legal.legal_take, name="legal_take"),
    path("dropout/law/<int:pk>/paper/", legal.legal_paper, name="legal_paper"),
    path("dropout/law/<int:pk>/receipt/<int:key>/", legal.legal_receipt, name="legal_receipt"),
    path("dropout/law/<int:pk>/serve/", legal.legal_serve, name="legal_serve"),
    path("dropout/law/<int:pk>/outcome/", legal.legal_outcome, name="legal_outcome"),
    path("dropout/cases/<int:pk>/placement/", placing.placement_new, name="placement_new"),
    path("dropout/cases/<int:pk>/placement/make/", placing.placement_make, name="placement_make"),
    path("dropout/placements/<int:pk>/plan/", placing.placement_plan, name="placement_plan"),
    path("dropout/cases/<int:pk>/proof/ask/", placing.proof_ask, name="proof_ask"),
    path("dropout/cases/<int:pk>/proof/close/", placing.proof_close, name="proof_close"),
    path("dropout/rechecks/", placing.recheck_list, name="recheck_list"),
    path("dropout/cases/<int:pk>/recheck/", placing.recheck, name="recheck"),
    path("dropout/deadlines/", deadlines.deadline_list, name="deadline_list"),
    path("dropout/deadlines/set/", deadlines.deadline_set, name="deadline_set"),
    path("dropout/deadlines/<int:pk>/drop/", deadlines.deadline_drop, name="deadline_drop"),
]
