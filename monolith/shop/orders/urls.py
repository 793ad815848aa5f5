from django.urls import path

from shop.orders import views

urlpatterns = [
    path("api/cart", views.Cart.as_view()),
    path("api/cart/lines/<id:product>", views.CartLine.as_view()),
    path("api/checkout", views.Checkout.as_view()),
    path("api/orders", views.Orders.as_view()),
    path("api/orders/<name:number>", views.OneOrder.as_view()),
    path("api/orders/<name:number>/cancel", views.Cancel.as_view()),
    path("api/orders/<name:number>/overview", views.Overview.as_view()),
]
