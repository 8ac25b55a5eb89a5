"""All addresses. Apps are named as strings: the kernel imports none of them."""

from django.urls import include, path

from aidcases import api, desk, views

urlpatterns = [
    path("", views.home, name="home"),
    path("login/", views.login, name="login"),
    path("logout/", views.logout, name="logout"),
    path("password/", views.password, name="password"),
    path("membership/", views.membership_choose, name="membership_choose"),
    path("term/", views.term_choose, name="term_choose"),
    path("search/", views.search, name="search"),
    path("search/<str:key>/", views.search_results, name="search_results"),
    path("jobs/", views.job_list, name="job_list"),
    path("jobs/<int:pk>/", views.job_detail, name="job_detail"),
    path("jobs/<int:pk>/progress/", views.job_progress, name="job_progress"),
    path("jobs/<int:pk>/cancel/", views.job_cancel, name="job_cancel"),
    path("jobs/<int:pk>/resume/", views.job_resume, name="job_resume"),
    path("inbox/", desk.inbox_list, name="inbox"),
    path("inbox/<int:pk>/done/", desk.inbox_done, name="inbox_done"),
    path("inbox/<int:pk>/reopen/", desk.inbox_reopen, name="inbox_reopen"),
    path("calendar/", desk.calendar, name="calendar"),
    path("calendar/set/", desk.calendar_set, name="calendar_set"),
    path("audit/", views.audit_list, name="audit_list"),
    path("styleguide/", views.styleguide, name="styleguide"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("robots.txt", views.robots, name="robots"),
    path("", include("students.urls")),
    path("", include("subsidies.urls")),
    path("", include("dropout.urls")),
    path("", include("ledgers.urls")),
    path("api/schema/", api.schema, name="api_schema"),
    path("api/", include("students.api_urls")),
    path("api/", include("subsidies.api_urls")),
]

handler400 = "aidcases.views.bad_request"
handler403 = "aidcases.views.forbidden"
handler404 = "aidcases.views.not_found"
handler500 = "aidcases.views.broken"
