"""The kind of proposal that says who signs releases: the release key, guardians and their threshold, revoked keys.

`proposal_kinds` lists it with the others; it has a file of its own for its reading of keys from a form.
"""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from governance.errors import Conflict, Invalid
from governance.evidence.canonical import canonical_bytes
from governance.evidence.signing import ALGORITHM, fingerprint
from governance.kinds import Fact, Field, ForOrAgainst, require_keys
from governance.models import Community, Proposal, Record
from models_registry import release_keys
from models_registry.provenance.shapes import GUARDIANS_MAX, keys_in_force

NAME_CHARACTERS_MAX = 80
REASON_CHARACTERS_MAX = 300
REVOKED_MAX = 100
_DIGITS_MAX = 3
_SHOWN_CHARACTERS = 16


class ReleaseKeysChange(ForOrAgainst):
    """Say which keys sign releases from now on."""

    name = "release_keys"
    label = gettext_lazy("Keys for releases")
    description = gettext_lazy(
        "Replace the key that signs releases, revoke keys, and name guardians who must sign, too."
    )
    scope = "governance"

    def fields(self, community: Community) -> list[Field]:
        """Ask for all keys; the editor starts with those in force."""
        body = release_keys.in_force(community).body
        return [
            Field(
                "release_key",
                _("Release key"),
                "text",
                _("The Ed25519 public key that signs releases, 64 hex digits."),
                initial=body["release_key"]["public_key"],
            ),
            Field(
                "guardians",
                _("Guardians"),
                "long_text",
                _("One on each line: the Ed25519 public key, then the name. At most 16."),
                required=False,
                initial="\n".join(f"{each['public_key']} {each['name']}" for each in body["guardians"]),
            ),
            Field(
                "threshold",
                _("Signatures of guardians"),
                "integer",
                _("How many of them must sign each release; 0 asks for none."),
                initial=str(body["threshold"]),
            ),
            Field(
                "revoked",
                _("Revoked keys"),
                "long_text",
                _("One on each line: the public key, then the reason. A revoked key stays on this list."),
                required=False,
                initial="\n".join(f"{each['public_key']} {each['reason']}" for each in body["revoked"]),
            ),
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        threshold = str(values.get("threshold", "")).strip()
        whole = threshold.isascii() and threshold.isdigit() and len(threshold) <= _DIGITS_MAX
        return {
            "keys": {
                "guardians": [
                    {"public_key": key, "name": name} for key, name in _lines(str(values.get("guardians", "")))
                ],
                "release_key": {"algorithm": ALGORITHM, "public_key": str(values.get("release_key", "")).strip()},
                "revoked": [
                    {"public_key": key, "reason": reason} for key, reason in _lines(str(values.get("revoked", "")))
                ],
                "threshold": int(threshold) if whole else threshold,
            }
        }

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze the keys; refuse what no release could rest on, what changes nothing, and a forgotten revocation."""
        require_keys(payload, {"keys"})
        body = payload["keys"]
        wrong = keys_in_force(body)
        if wrong:
            raise Invalid(
                "keys_invalid", f"the keys: it {wrong}", field="payload.keys", allowed=f"{GUARDIANS_MAX} guardians"
            )
        if len(body["revoked"]) > REVOKED_MAX:
            detail = f"at most {REVOKED_MAX} keys can be revoked"
            raise Invalid("keys_invalid", detail, field="payload.keys.revoked", found=len(body["revoked"]))
        texts = [("guardians", "name", NAME_CHARACTERS_MAX), ("revoked", "reason", REASON_CHARACTERS_MAX)]
        frozen = {**body}
        for field, key, most in texts:
            frozen[field] = [
                {**entry, key: _one_line(entry[key], f"payload.keys.{field}", most)} for entry in body[field]
            ]
        release_keys.require_revoked_stay(release_keys.keys_in_force(community), frozen)
        if canonical_bytes(frozen) == canonical_bytes(release_keys.in_force(community).body):
            raise Conflict("keys_unchanged", "these keys are in force already", field="payload.keys")
        return {"keys": frozen}

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        keys = payload["keys"]
        words = {
            "key": _shown(keys["release_key"]["public_key"]),
            "n": keys["threshold"],
            "all": len(keys["guardians"]),
        }
        if not keys["threshold"]:
            return _("releases are signed with the key %(key)s alone.") % words
        return (
            ngettext(
                "releases are signed with the key %(key)s and by %(n)d of %(all)d guardians.",
                "releases are signed with the key %(key)s and by %(n)d of %(all)d guardians.",
                keys["threshold"],
            )
            % words
        )

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the keys by their fingerprints, which is what people compare."""
        keys = payload["keys"]
        named = [f"{each['name']} ({_shown(each['public_key'])})" for each in keys["guardians"]]
        revoked = [f"{_shown(each['public_key'])}: {each['reason']}" for each in keys["revoked"]]
        return [
            Fact(_("Release key"), fingerprint(keys["release_key"]["public_key"])),
            Fact(_("Guardians"), " · ".join(named) or "–"),
            Fact(_("Signatures of guardians"), str(keys["threshold"])),
            Fact(_("Revoked keys"), " · ".join(revoked) or "–"),
            Fact(_("Cost"), _("none")),
        ]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Put them in force."""
        release_keys.adopt_keys(proposal, execution, now)


def _lines(text: str) -> list[tuple[str, str]]:
    """Read lines of a key and what is said of it."""
    parts = [line.split(None, 1) for line in text.splitlines() if line.strip()]
    return [(part[0], part[1].strip() if len(part) > 1 else "") for part in parts]


def _one_line(text: str, field: str, most: int) -> str:
    """Return a name or a reason on one line; refuse an empty or a long one."""
    line = " ".join(text.split())
    if not 1 <= len(line) <= most or not line.isprintable():
        raise Invalid("length_out_of_range", f"1 to {most} printable characters", field=field, found=line[:most])
    return line


def _shown(public_key: str) -> str:
    return fingerprint(public_key)[:_SHOWN_CHARACTERS]
