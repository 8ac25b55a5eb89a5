"""Addresses of the work's progress."""

from django.urls import path

from ledgers.views.progress import goals, reports, steps, talks, tasks

urlpatterns = [
    path("work/", tasks.worktask_list, name="worktask_list"),
    path("work/lines/", tasks.workline_list, name="workline_list"),
    path("work/lines/add/", tasks.workline_add, name="workline_add"),
    path("work/new/", tasks.worktask_new, name="worktask_new"),
    path("work/give/", tasks.worktask_give, name="worktask_give"),
    path("work/draw/", steps.worktask_draw, name="worktask_draw"),
    path("work/<int:pk>/", tasks.worktask_detail, name="worktask_detail"),
    path("work/<int:pk>/change/", tasks.worktask_change, name="worktask_change"),
    path("work/<int:pk>/month/", tasks.workmonth_tell, name="workmonth_tell"),
    path("work/rows/", tasks.work_rows, name="work_rows"),
    path("work/<int:pk>/send-back/", steps.worktask_send_back, name="worktask_send_back"),
    path("work/<int:pk>/check/<slug:code>/", steps.worktask_check, name="worktask_check"),
    path("work/<int:pk>/step/<slug:code>/", steps.worktask_step, name="worktask_step"),
    path("work/report/<slug:code>/", reports.work_report, name="work_report"),
    path("work/county/<slug:code>/", reports.county_year, name="county_year"),
    path("work/goals/", goals.goal_board, name="goal_board"),
    path("work/goals/names/", goals.goal_names, name="goal_names"),
    path("work/goals/figures/", goals.goal_figures, name="goal_figures"),
    path("work/goals/figures/write/", goals.agefigure_write, name="agefigure_write"),
    path("work/goals/targets/", goals.goal_set, name="goal_set"),
    path("work/goals/areas/", goals.area_name, name="area_name"),
    path("work/talks/", talks.talk_list, name="talk_list"),
    path("work/talks/new/", talks.talk_new, name="talk_new"),
    path("work/talks/hold/", talks.talk_hold, name="talk_hold"),
    path("work/talks/<int:pk>/", talks.talk_detail, name="talk_detail"),
]
