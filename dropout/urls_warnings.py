"""Early warning, thresholds, results of a class."""

from django.urls import path

from dropout.views import warnings as views

urlpatterns = [
    path("dropout/warnings/", views.warning_list, name="warning_list"),
    path("dropout/warnings/search/", views.warning_search, name="warning_search"),
    path("dropout/warnings/run/", views.warning_run, name="warning_run"),
    path("dropout/warnings/<int:pk>/", views.warning_detail, name="warning_detail"),
    path("dropout/warnings/<int:pk>/answer/", views.warning_answer, name="warning_answer"),
    path("dropout/warnings/<int:pk>/open/", views.warning_open, name="warning_open"),
    path("dropout/thresholds/", views.threshold_list, name="threshold_list"),
    path("dropout/thresholds/set/", views.threshold_set, name="threshold_set"),
    path("dropout/exams/", views.exam_class, name="exam_class"),
    path("dropout/exams/save/", views.exam_save, name="exam_save"),
]
