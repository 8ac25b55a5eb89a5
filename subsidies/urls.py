"""Addresses of policies, runs and entitlements. Names and numbers of people never stand in one."""

from django.urls import path

from subsidies.views import entitlements, packs, runs, slips, why

urlpatterns = [
    path("packs/", packs.pack_list, name="pack_list"),
    path("packs/<slug:code>/", packs.pack_detail, name="pack_detail"),
    path("rules/<slug:code>/", packs.rule_detail, name="rule_detail"),
    path("runs/", runs.run_list, name="run_list"),
    path("runs/<int:pk>/", runs.run_detail, name="run_detail"),
    path("recompute/", runs.recompute, name="recompute"),
    path("changes/", runs.change_list, name="change_list"),
    path("changes/search/", runs.change_search, name="change_search"),
    path("entitlements/", entitlements.entitlement_list, name="entitlement_list"),
    path("entitlements/totals/", entitlements.entitlement_totals, name="entitlement_totals"),
    path("entitlements/search/", entitlements.entitlement_search, name="entitlement_search"),
    path("coverage/", entitlements.coverage_list, name="coverage_list"),
    path("coverage/search/", entitlements.coverage_search, name="coverage_search"),
    path("missing-figures/", entitlements.missing_list, name="missing_list"),
    path("slips/", slips.slip_list, name="slip_list"),
    path("slips/request/", slips.slip_request, name="slip_request"),
    path("slips/<int:pk>/download/", slips.slip_download, name="slip_download"),
    path("households/<int:pk>/slip/", slips.household_slip, name="household_slip"),
    path("students/<int:pk>/why/", why.student_why, name="student_why"),
]
