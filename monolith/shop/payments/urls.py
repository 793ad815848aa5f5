from django.urls import path

from shop.payments import views

urlpatterns = [path("api/payments", views.Payments.as_view())]
