from django.urls import path

from shop.accounts import views

urlpatterns = [
    path("api/auth/register", views.Register.as_view()),
    path("api/auth/token", views.Token.as_view()),
    path("api/auth/token/refresh", views.TokenRefresh.as_view()),
    path("api/me", views.Me.as_view()),
    path("api/me/addresses", views.Addresses.as_view()),
    path("api/me/addresses/<id:address>", views.OneAddress.as_view()),
    path(".well-known/jwks.json", views.KeySet.as_view()),
]
