"""API addresses of the subsidies app."""

from django.urls import path

from subsidies.api import Entitlements, Explanations

urlpatterns = [
    path("entitlements/", Entitlements.as_view({"get": "list"}), name="api_entitlement_list"),
    path("entitlements/explain/", Explanations.as_view({"get": "list"}), name="api_explain"),
]
