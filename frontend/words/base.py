"""What a word is: how a stable key of the other apps is shown."""

from dataclasses import dataclass
from typing import TypeAlias

from django.utils.functional import Promise

Text: TypeAlias = str | Promise


@dataclass(frozen=True)
class Word:
    """How a key is shown: label, icon, tone (a colour that never stands alone), and one explaining sentence."""

    label: Text
    icon: str = "dot"
    tone: str = "quiet"
    says: Text = ""
