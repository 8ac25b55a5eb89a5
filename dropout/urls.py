"""Addresses of dropout prevention. Names and numbers of people never stand in one."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("dropout.urls_cases")),
    path("", include("dropout.urls_legal")),
    path("", include("dropout.urls_reports")),
    path("", include("dropout.urls_comparison")),
    path("", include("dropout.urls_warnings")),
    path("", include("dropout.urls_care")),
    path("", include("dropout.urls_public")),
    path("", include("dropout.urls_boards")),
]
