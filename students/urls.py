"""Addresses of the students app. Names and numbers never stand in them; a search is an opaque key."""

from django.urls import path

from students.views import households, imports, schools, students

urlpatterns = [
    path("students/", students.student_list, name="student_list"),
    path("students/search/", students.student_search, name="student_search"),
    path("students/<int:pk>/", students.student_detail, name="student_detail"),
    path("students/<int:pk>/reveal/", students.student_reveal, name="student_reveal"),
    path("households/", households.household_list, name="household_list"),
    path("households/search/", households.household_search, name="household_search"),
    path("households/<int:pk>/", households.household_detail, name="household_detail"),
    path("households/<int:pk>/reveal/", households.household_reveal, name="household_reveal"),
    path("schools/", schools.school_list, name="school_list"),
    path("schools/pick/", schools.school_pick, name="school_pick"),
    path("schools/<str:code>/", schools.school_detail, name="school_detail"),
    path("places/pick/", schools.place_pick, name="place_pick"),
    path("imports/", imports.import_list, name="import_list"),
    path("imports/new/", imports.import_new, name="import_new"),
    path("imports/upload/", imports.import_upload, name="import_upload"),
    path("imports/<int:pk>/", imports.import_detail, name="import_detail"),
    path("imports/<int:pk>/confirm/", imports.import_confirm, name="import_confirm"),
    path("imports/<int:pk>/reopen/", imports.import_reopen, name="import_reopen"),
    path("imports/<int:pk>/discard/", imports.import_discard, name="import_discard"),
    path("imports/<int:pk>/return/", imports.import_return, name="import_return"),
    path("imports/<int:pk>/returned/", imports.import_returned, name="import_returned"),
]
