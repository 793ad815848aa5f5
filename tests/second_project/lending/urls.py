"""Routes of the loans."""

from django.urls import path

from tests.second_project.lending import views

urlpatterns = [path("loans", views.loans)]
