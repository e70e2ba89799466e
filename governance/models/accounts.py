"""Who signs in: accounts by address, and the nonces that sign-ins use up."""

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models


class AccountManager(BaseUserManager["Account"]):
    """Makes accounts: for wallets without a password, for operators of the admin with one."""

    def create_user(self, address: str, password: str | None = None) -> "Account":
        """Create an account for a checksummed address."""
        account = self.model(address=address)
        account.set_password(password)
        account.save(using=self._db)
        return account

    def create_superuser(self, address: str, password: str | None = None) -> "Account":
        """Create an operator of the admin pages."""
        account = self.create_user(address, password)
        account.is_staff = account.is_superuser = True
        account.save(using=self._db)
        return account


class Account(AbstractBaseUser, PermissionsMixin):
    """Somebody who signed in with a wallet. The address is the name; wallet accounts have no password."""

    address = models.CharField(max_length=42, unique=True)
    # Whether a key of the account has signed a sign-in: then a silent chain leaves nothing open about a wrong one.
    signs_with_key = models.BooleanField(default=False)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AccountManager()
    USERNAME_FIELD = "address"

    def __str__(self) -> str:
        """Return the address."""
        return self.address


class SignInNonce(models.Model):
    """A nonce that one browser session may sign once. Using it deletes the row: whoever deletes it has used it."""

    nonce = models.CharField(max_length=64, primary_key=True)
    session = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        """Return the nonce."""
        return self.nonce
