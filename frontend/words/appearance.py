"""The colours that a reader may choose."""

from django.utils.translation import gettext_lazy as _

from frontend.words.base import Word

APPEARANCES = {
    "auto": Word(_("As the system has it"), "theme"),
    "light": Word(_("Light"), "sun"),
    "dark": Word(_("Dark"), "moon"),
    "contrast": Word(_("High contrast"), "contrast"),
}
