"""Routes of the books."""

from django.urls import path

from tests.second_project.books import views

urlpatterns = [path("books", views.books), path("books/<int:book>", views.book)]
