"""Boards, names behind their figures, 巩固率."""

from django.urls import path

from dropout.views import boards as views

urlpatterns = [
    path("dropout/board/", views.dropout_board, name="dropout_board"),
    path("dropout/board/names/", views.indicator_names, name="indicator_names"),
    path("dropout/retention/", views.retention_table, name="retention_table"),
    path("dropout/retention/intake/", views.intake_save, name="intake_save"),
]
