"""Addresses of reports, inspections and rectifications. No name or number stands in one."""

from django.urls import URLPattern, path

from dropout.views import inspections, reports

urlpatterns: list[URLPattern] = [
    path("dropout/reports/", reports.report_list, name="report_list"),
    path("dropout/reports/<int:pk>/", reports.report_detail, name="report_detail"),
    path("dropout/reports/<int:pk>/fill/", reports.report_fill, name="report_fill"),
    path("dropout/reports/<int:pk>/write/", reports.report_write, name="report_write"),
    path("dropout/reports/<int:pk>/submit/", reports.report_submit, name="report_submit"),
    path("dropout/reports/<int:pk>/accept/", reports.report_accept, name="report_accept"),
    path("dropout/reports/<int:pk>/send-back/", reports.report_send_back, name="report_send_back"),
    path("dropout/inspections/", inspections.inspection_list, name="inspection_list"),
    path("dropout/inspections/draw/", inspections.inspection_draw, name="inspection_draw"),
    path("dropout/inspections/<int:pk>/", inspections.inspection_detail, name="inspection_detail"),
    path("dropout/inspections/lines/<int:pk>/", inspections.inspection_line, name="inspection_line"),
    path("dropout/inspections/lines/<int:pk>/record/", inspections.inspection_record, name="inspection_record"),
    path("dropout/inspections/lines/<int:pk>/give/", inspections.rectification_give, name="rectification_give"),
    path("dropout/rectifications/", inspections.rectification_list, name="rectification_list"),
    path("dropout/rectifications/<int:pk>/", inspections.rectification_detail, name="rectification_detail"),
    path("dropout/rectifications/<int:pk>/answer/", inspections.rectification_answer, name="rectification_answer"),
    path("dropout/rectifications/<int:pk>/accept/", inspections.rectification_accept, name="rectification_accept"),
    path("dropout/rectifications/<int:pk>/send-back/", inspections.rectification_send_back, name="rectification_send_back"),
]
