"""Addresses of 一户一策 and of children who study elsewhere. No name or number of a person stands in one."""

from django.urls import URLPattern, path

from subsidies.views.plans import away, plans, writing

urlpatterns: list[URLPattern] = [
    path("plans/", plans.plan_list, name="plan_list"),
    path("plans/search/", plans.plan_search, name="plan_search"),
    path("plans/make/", plans.plan_make, name="plan_make"),
    path("plans/start/", plans.plan_start, name="plan_start"),
    path("plans/assign/", plans.plan_assign, name="plan_assign"),
    path("plans/<int:pk>/", plans.plan_detail, name="plan_detail"),
    path("plans/<int:pk>/print/", plans.plan_print, name="plan_print"),
    path("plans/<int:pk>/edit/", writing.plan_edit, name="plan_edit"),
    path("plans/<int:pk>/save/", writing.plan_save, name="plan_save"),
    path("plans/<int:pk>/children/", writing.plan_children, name="plan_children"),
    path("plans/<int:pk>/measure/", writing.planmeasure_add, name="planmeasure_add"),
    path("plans/<int:pk>/begin/", writing.plan_begin, name="plan_begin"),
    path("plans/<int:pk>/review/", writing.plan_review, name="plan_review"),
    path("plans/<int:pk>/close/", writing.plan_close, name="plan_close"),
    path("plans/<int:pk>/resume/", writing.plan_resume, name="plan_resume"),
    path("plans/measures/<int:pk>/finish/", writing.planmeasure_finish, name="planmeasure_finish"),
    path("plans/measures/<int:pk>/drop/", writing.planmeasure_drop, name="planmeasure_drop"),
    path("households/<int:pk>/plan/", plans.plan_of_household, name="plan_of_household"),
    path("away/", away.away_list, name="away_list"),
    path("away/search/", away.away_search, name="away_search"),
    path("away/check/", away.away_check, name="away_check"),
    path("away/<int:pk>/", away.away_edit, name="away_edit"),
    path("away/<int:pk>/save/", away.away_save, name="away_save"),
    path("away/records/<int:pk>/proof/", away.away_proof, name="away_proof"),
]
