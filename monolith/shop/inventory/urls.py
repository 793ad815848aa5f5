from django.urls import path

from shop.inventory import views

urlpatterns = [
    path("api/stock/<id:product>", views.StockOfProduct.as_view()),
    path("api/stock/<id:product>/adjust", views.Adjust.as_view()),
]
