"""Comparison of the rosters and what it found."""

from django.urls import path

from dropout.views import comparison as views

urlpatterns = [
    path("dropout/comparison/", views.comparison, name="comparison"),
    path("dropout/comparison/run/", views.comparison_run, name="comparison_run"),
    path("dropout/differences/", views.difference_list, name="difference_list"),
    path("dropout/differences/search/", views.difference_search, name="difference_search"),
    path("dropout/differences/<int:pk>/", views.difference_detail, name="difference_detail"),
]
