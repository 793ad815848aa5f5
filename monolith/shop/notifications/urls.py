from django.urls import path

from shop.notifications.views import Notifications

urlpatterns = [path("api/notifications", Notifications.as_view())]
