"""Addresses of 两后生 and of vocational graduates' three years. No name or number of a person stands in one."""

from django.urls import URLPattern, path

from subsidies.views.vocational import board, calls, trainees

urlpatterns: list[URLPattern] = [
    path("vocational/", board.vocational_board, name="vocational_board"),
    path("vocational/plan/", board.trainingplan_edit, name="trainingplan_edit"),
    path("vocational/plan/save/", board.trainingplan_save, name="trainingplan_save"),
    path("vocational/plan/place/", board.trainingplace_set, name="trainingplace_set"),
    path("vocational/plan/<int:pk>/<slug:code>/", board.trainingplan_move, name="trainingplan_move"),
    path("vocational/people/", trainees.trainee_list, name="trainee_list"),
    path("vocational/people/search/", trainees.trainee_search, name="trainee_search"),
    path("vocational/people/find/", trainees.trainee_find, name="trainee_find"),
    path("vocational/people/find/run/", trainees.trainee_run, name="trainee_run"),
    path("vocational/people/all/<slug:code>/", trainees.trainee_bulk, name="trainee_bulk"),
    path("vocational/people/<int:pk>/", trainees.trainee_detail, name="trainee_detail"),
    path("vocational/people/<int:pk>/step/<slug:code>/", trainees.trainee_step, name="trainee_step"),
    path("vocational/people/<int:pk>/contact/", trainees.trainee_contact, name="trainee_contact"),
    path("vocational/people/<int:pk>/phone/", trainees.trainee_phone, name="trainee_phone"),
    path("vocational/people/<int:pk>/reveal/", trainees.trainee_reveal, name="trainee_reveal"),
    path("vocational/calls/", calls.followup_list, name="followup_list"),
    path("vocational/calls/search/", calls.followup_search, name="followup_search"),
    path("vocational/calls/totals/", calls.followup_totals, name="followup_totals"),
    path("vocational/calls/<int:pk>/", calls.followup_detail, name="followup_detail"),
    path("vocational/calls/<int:pk>/record/", calls.followup_record, name="followup_record"),
    path("vocational/calls/<int:pk>/move/<slug:code>/", calls.followup_move, name="followup_move"),
]
