"""API addresses of the students app."""

from django.urls import path

from students.api import Students

# `str`: what is no key is answered in JSON too.
urlpatterns = [
    path("students/", Students.as_view({"get": "list"}), name="api_student_list"),
    path("students/<str:pk>/", Students.as_view({"get": "retrieve"}), name="api_student_detail"),
]
