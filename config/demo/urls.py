"""The address of the demo wallet; included only in the demo."""

from django.urls import path

from config.demo import wallet

urlpatterns = [path("wallet", wallet.call, name="demo-wallet")]
