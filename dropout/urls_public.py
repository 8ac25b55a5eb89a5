"""The public's part: a county's pages for anybody, and inside the tips, supervisors and survey results."""

from django.urls import path

from dropout.views import public, tips

urlpatterns = [
    path("tips/<str:code>/", public.tip_new, name="tip_new"),
    path("tips/<str:code>/send/", public.tip_send, name="tip_send"),
    path("tips/<str:code>/reply/", public.tip_ask, name="tip_ask"),
    path("tips/<str:code>/reply/find/", public.tip_reply, name="tip_reply"),
    path("supervisors/<str:code>/", public.supervisors_public, name="supervisors_public"),
    path("survey/<str:code>/", public.survey_new, name="survey_new"),
    path("survey/<str:code>/send/", public.survey_send, name="survey_send"),
    path("desk/tips/", tips.tip_list, name="tip_list"),
    path("desk/tips/<int:pk>/", tips.tip_detail, name="tip_detail"),
    path("desk/tips/<int:pk>/reveal/", tips.tip_reveal, name="tip_reveal"),
    path("desk/tips/<int:pk>/assign/", tips.tip_assign, name="tip_assign"),
    path("desk/tips/<int:pk>/case/", tips.tip_case, name="tip_case"),
    path("desk/tips/<int:pk>/answer/", tips.tip_answer, name="tip_answer"),
    path("desk/tips/<int:pk>/close/", tips.tip_close, name="tip_close"),
    path("desk/tips/<int:pk>/reopen/", tips.tip_reopen, name="tip_reopen"),
    path("desk/supervisors/", tips.supervisor_list, name="supervisor_list"),
    path("desk/supervisors/appoint/", tips.supervisor_appoint, name="supervisor_appoint"),
    path("desk/supervisors/<int:pk>/end/", tips.supervisor_end, name="supervisor_end"),
    path("desk/supervisors/<int:pk>/reveal/", tips.supervisor_reveal, name="supervisor_reveal"),
    path("desk/survey/", tips.survey_results, name="survey_results"),
]
