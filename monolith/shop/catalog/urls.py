from django.urls import path

from shop.catalog import views

urlpatterns = [
    path("api/products", views.Products.as_view()),
    path("api/products/<id:product>", views.OneProduct.as_view()),
    path("api/categories", views.Categories.as_view()),
]
