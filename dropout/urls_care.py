"""Children in care: files, visits, requests of families, activity rooms."""

from django.urls import path

from dropout.views import care, carerooms, carevisits

urlpatterns = [
    path("care/", care.care_list, name="care_list"),
    path("care/search/", care.care_search, name="care_search"),
    path("care/make/", care.care_make, name="care_make"),
    path("care/tables/", carerooms.care_tables, name="care_tables"),
    path("care/rooms/", carerooms.room_list, name="room_list"),
    path("care/rooms/open/", carerooms.room_open, name="room_open"),
    path("care/rooms/<int:pk>/close/", carerooms.room_close, name="room_close"),
    path("care/visits/", carevisits.carevisit_list, name="carevisit_list"),
    path("care/visits/<int:pk>/", carevisits.carevisit_detail, name="carevisit_detail"),
    path("care/visits/<int:pk>/ask/", carevisits.carevisit_ask, name="carevisit_ask"),
    path("care/students/<int:pk>/visit/", carevisits.carevisit_new, name="carevisit_new"),
    path("care/students/<int:pk>/visit/save/", carevisits.carevisit_save, name="carevisit_save"),
    path("care/requests/", carevisits.familyrequest_list, name="familyrequest_list"),
    path("care/requests/<int:pk>/", carevisits.familyrequest_detail, name="familyrequest_detail"),
    path("care/requests/<int:pk>/answer/", carevisits.familyrequest_answer, name="familyrequest_answer"),
    path("care/requests/<int:pk>/accept/", carevisits.familyrequest_accept, name="familyrequest_accept"),
    path("care/requests/<int:pk>/reopen/", carevisits.familyrequest_reopen, name="familyrequest_reopen"),
    path("care/files/<int:pk>/", care.carefile_detail, name="carefile_detail"),
    path("care/files/<int:pk>/save/", care.carefile_save, name="carefile_save"),
    path("care/files/<int:pk>/end/", care.carefile_end, name="carefile_end"),
    path("care/files/<int:pk>/reveal/", care.carefile_reveal, name="carefile_reveal"),
    path("care/files/<int:pk>/card/", care.carefile_card, name="carefile_card"),
]
