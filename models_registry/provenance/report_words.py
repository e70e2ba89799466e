"""What the printed report says, in English and French. Holds words only; the findings themselves are made in English.

Evidence is a sentence with numbers in it: for each there is a pattern and its French form. A sentence that has none
is shown in English.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple


class Both(NamedTuple):
    """One text in both languages."""

    en: str
    fr: str


TITLES: Final[Mapping[int, Both]] = {
    1: Both("Records are canonical, complete and in order", "Les actes sont canoniques, complets et en ordre"),
    2: Both("Every record rests on what it must", "Chaque acte repose sur ce qu’il faut"),
    3: Both("Ballots are signed by their voters", "Les bulletins sont signés par leurs votants"),
    4: Both("The counts come out the same", "Le nouveau dépouillement donne les mêmes totaux"),
    5: Both("Decisions follow from the counts and the rules", "Les décisions découlent des totaux et des règles"),
    6: Both("Delays and waiting times were respected", "Les délais ont été respectés"),
    7: Both(
        "Specification, datasets and rules are the approved ones",
        "Spécification, données et règles sont celles approuvées",
    ),
    8: Both("The files are those of the run", "Les fichiers sont ceux de l’entraînement"),
    9: Both("The verdict follows from the rules and the measurements", "Le verdict découle des règles et des mesures"),
    10: Both(
        "The release is signed with the community’s key", "La publication est signée avec la clé de la communauté"
    ),
    11: Both("Voting power matches the chain", "Le pouvoir de vote correspond à la chaîne"),
    12: Both("Training again gives the same bytes", "Un nouvel entraînement donne les mêmes octets"),
}
STATUSES: Final[Mapping[str, Both]] = {
    "passed": Both("passed", "réussi"),
    "failed": Both("FAILED", "ÉCHEC"),
    "not_checked": Both("not checked", "non vérifié"),
}
OUTCOMES: Final[Mapping[str, Both]] = {
    "verified": Both("Verified", "Vérifié"),
    "consistent": Both(
        "Consistent; nobody’s key was given to compare", "Cohérent ; aucune clé n’a été donnée pour comparer"
    ),
    "failed": Both("Not verified: do not use this release", "Non vérifié : n’utilisez pas cette publication"),
}
KINDS: Final[Mapping[str, Both]] = {
    "model_update": Both("model update", "mise à jour du modèle"),
    "dataset_inclusion": Both("inclusion of a dataset", "admission de données"),
    "dataset_removal": Both("removal of data", "retrait de données"),
    "taking_back": Both("rule on taking data back", "règle sur la reprise de données"),
    "ethics_rule": Both("ethics rule", "règle éthique"),
    "rule_change": Both("change of an ethics rule", "modification d’une règle éthique"),
    "verdict_override": Both("override of a verdict", "dérogation à un verdict"),
    "governance_rules": Both("rules of the community", "règles de la communauté"),
    "release_keys": Both("release keys", "clés de publication"),
}
CHOICES: Final[Mapping[str, Both]] = {
    "for": Both("for", "pour"),
    "against": Both("against", "contre"),
    "abstain": Both("abstain", "abstention"),
}
WORDS: Final[Mapping[str, Both]] = {
    "title": Both("Verification report", "Rapport de vérification"),
    "version": Both("version", "version"),
    "findings": Both("The twelve checks", "Les douze contrôles"),
    "check": Both("Check", "Contrôle"),
    "result": Both("Result", "Résultat"),
    "evidence": Both("Evidence", "Constat"),
    "decided": Both("Who decided", "Qui a décidé"),
    "question": Both("On what", "Sur quoi"),
    "count": Both("Share of the power cast, units", "Part du pouvoir exprimé, unités"),
    "people": Both("Ballots, members, delegations", "Bulletins, membres, délégations"),
    "when": Both("Counted, carried out (UTC)", "Dépouillé, exécuté (UTC)"),
    "chain": Both("What stands on a chain", "Ce qui est inscrit sur une chaîne"),
    "by_contract": Both(
        "These votes were taken by a Governor. Who sent them, only its chain can say (check 11). In any tool for "
        "Governors the proposal has this number, computed here from the records:",
        "Ces votes ont été pris par un Governor. Qui les a envoyés, seule sa chaîne peut le dire (contrôle 11). Dans "
        "tout outil pour Governors, la proposition porte ce numéro, calculé ici à partir des actes\N{NO-BREAK SPACE}:",
    ),
    "governor": Both("Governor", "Governor"),
    "its_proposal": Both("Its number for the proposal", "Son numéro pour la proposition"),
    "what": Both("What, with its digest", "Quoi, avec son empreinte"),
    "posted": Both("Written down (UTC)", "Inscrit (UTC)"),
    "not_posted": Both("NOT written down", "NON inscrit"),
    "anchored": Both(
        "Release and ballots stand in the anchor contract; nobody can date that back.",
        "La publication et les bulletins figurent dans le contrat d’ancrage\N{NO-BREAK SPACE}; nul ne "
        "peut l’antidater.",
    ),
    "not_anchored": Both(
        "NOT everything stands in the anchor contract.", "TOUT ne figure PAS dans le contrat d’ancrage."
    ),
    "anchor_silent": Both(
        "The chain of the anchor could not be asked.", "La chaîne de l’ancrage n’a pas pu être interrogée."
    ),
    "lineage": Both("Where the model comes from", "D’où vient le modèle"),
    "trust": Both("Whom this report trusts", "À qui ce rapport fait confiance"),
    "trust_key": Both("Release key, or its fingerprint", "Clé de publication, ou son empreinte"),
    "trust_community": Both("Digest of the community record", "Empreinte de l’acte de la communauté"),
    "trust_nobody": Both(
        "Nobody: only the agreement of the files with each other was checked. An invented community would pass, too.",
        "Personne : seul l’accord des fichiers entre eux a été contrôlé. Une communauté inventée passerait aussi.",
    ),
    "not_shown": Both("What this report does not show", "Ce que ce rapport ne montre pas"),
    "digests": Both("Digests (SHA-256) and tool", "Empreintes (SHA-256) et outil"),
    "release": Both("Release record", "Acte de publication"),
    "manifest": Both("Manifest of the files", "Manifeste des fichiers"),
    "founding_key": Both("Founding release key, fingerprint", "Clé de publication fondatrice, empreinte"),
    "tool": Both("Tool", "Outil"),
    "signed_off": Both("Checked by, date, signature", "Contrôlé par, date, signature"),
    "doubt": Both(
        "Some checks of the votes did not pass: what stands here is what the files claim.",
        "Des contrôles des votes ont échoué : ce qui suit est ce que les fichiers prétendent.",
    ),
    "hint": Both("What to do", "Que faire"),
    "more": Both("and {count} more", "et {count} autres"),
}
# The lineage, sentence by sentence; the names are filled in escaped.
LINEAGE: Final[Mapping[str, Both]] = {
    "release": Both(
        "Version {version} of {model} was made by run {run}, attempt {attempt}, from {started} to {finished} (UTC).",
        "La version {version} de {model} vient de l’entraînement {run}, tentative {attempt}, du {started} au "
        "{finished} (UTC).",
    ),
    "training": Both(
        "The run did what vote {number} decided, starting from {base}.",
        "L’entraînement a fait ce que le vote {number} a décidé, à partir de {base}.",
    ),
    "dataset": Both(
        "It learned from “{title}” ({license}), admitted by vote {number}.",
        "Il a appris de « {title} » ({license}), admis par le vote {number}.",
    ),
    "rule": Both(
        "It was held against the rule “{title}”, adopted by vote {number}.",
        "Il a été jugé selon la règle « {title} », adoptée par le vote {number}.",
    ),
    "overridden": Both(
        "OVERRIDDEN: it breaks {rules}; vote {number} released it all the same. The reason given: {reason}",
        "RÈGLES OUTREPASSÉES\N{NO-BREAK SPACE}: il enfreint {rules}\N{NO-BREAK SPACE}; le vote {number} l’a publié "
        "quand même. La raison donnée\N{NO-BREAK SPACE}: {reason}",
    ),
    "charters": Both(
        "The rules of voting go back to the founding, in {count} charter(s).",
        "Les règles de vote remontent à la fondation, en {count} charte(s).",
    ),
}
NOT_SHOWN: Final[tuple[Both, ...]] = (
    Both(
        "that the measurements were really made, and that these bytes came out of the run (check 12 trains again);",
        "que les mesures ont réellement été faites, et que ces octets sont sortis de l’entraînement (le contrôle 12 "
        "entraîne à nouveau) ;",
    ),
    Both(
        "that members had on the chain the power of the census, unless check 11 passed, and that nobody was left out;",
        "que les membres avaient sur la chaîne le pouvoir du recensement, sauf si le contrôle 11 est réussi, et que "
        "personne n’a été omis ;",
    ),
    Both(
        "that no ballot, delegation, newer charter or rule was withheld: a voter’s receipt can show that;",
        "qu’aucun bulletin, délégation, charte ou règle plus récente n’a été retenu : le reçu d’un votant peut le "
        "montrer ;",
    ),
    Both(
        "that the times are true (they are the operator’s, checked for order and waiting times), nor that the key "
        "was not revoked since.",
        "que les heures sont vraies (ce sont celles de l’exploitant, contrôlées pour l’ordre et les délais), ni que "
        "la clé n’a pas été révoquée depuis.",
    ),
)
HINTS: Final[Mapping[int, str]] = {
    1: "demandez à nouveau le dossier à l’éditeur ; un acte y a été modifié, ajouté ou omis",
    2: "demandez à nouveau le dossier à l’éditeur ; les actes ne vont pas ensemble",
    3: "n’utilisez pas la publication ; demandez à la communauté quels bulletins, membres et délégations avait ce vote",
    4: "n’utilisez pas la publication ; des bulletins ont été retirés, ajoutés ou modifiés après le dépouillement",
    5: "n’utilisez pas la publication ; la décision inscrite n’est pas ce que disent les votes et la charte",
    6: "n’utilisez pas la publication ; un délai fixé par la communauté n’a pas été respecté",
    7: "n’utilisez pas la publication ; ce qui a été entraîné n’est pas ce qui a été approuvé",
    8: "téléchargez à nouveau dans un dossier vide ; ne chargez pas le fichier modifié",
    9: "n’utilisez pas la publication ; selon les règles de la communauté, elle n’est pas acceptée",
    10: "n’utilisez pas la publication ; demandez à la communauté sa clé de publication et son empreinte",
    11: "n’utilisez pas la publication avant une explication de la communauté ; interrogez aussi un autre nœud",
    12: "n’utilisez pas la publication avant une explication ; quelqu’un d’autre devrait aussi entraîner à nouveau",
}
_EVIDENCE: Final = tuple(
    (re.compile(pattern), french)
    for pattern, french in (
        (r"(\d+) records, every digest recomputed", r"\1 actes, chaque empreinte recalculée"),
        (
            r"(\d+) proposals of one community, every parent is there",
            r"\1 propositions d’une communauté, rien de ce sur quoi elles reposent ne manque",
        ),
        (
            r"(\d+) ballots of (\d+) members and (\d+) delegations, every signature recovered to its signer",
            r"\1 bulletins de \2 membres et \3 délégations, chaque signature ramenée à son signataire",
        ),
        (
            r"(\d+) sealed ballots opened and sealed again, (\d+) of them void",
            r"\1 bulletins scellés ouverts et scellés à nouveau, dont \2 nuls",
        ),
        (
            r"but (\d+) are votes that a Governor took, which only its chain confirms \(check 11\)",
            r"mais \1 sont des votes pris par un Governor, que seule sa chaîne confirme (contrôle 11)",
        ),
        (
            r"(\d+) votes found on the chain, and the Governor's own count agrees",
            r"\1 votes trouvés sur la chaîne, et le compte du Governor lui-même s’accorde",
        ),
        (
            (
                r"but not those of (\d+) delegations and sponsorships by contract wallets, which only the chain can "
                r"confirm \(check 11\)"
            ),
            (
                r"mais pas celles de \1 délégations et parrainages de portefeuilles-contrats, que seule la chaîne "
                r"confirme (contrôle 11)"
            ),
        ),
        (
            r"but not those of (\d+) ballots by contract wallets, which only the chain can confirm \(check 11\)",
            r"mais pas celles de \1 bulletins de portefeuilles-contrats, que seule la chaîne confirme (contrôle 11)",
        ),
        (
            r"(\d+) signatures of contract wallets asked again at the block of each",
            r"\1 signatures de portefeuilles-contrats redemandées, chacune à son bloc",
        ),
        (
            r"(\d+) signatures of contract wallets asked again at the block of each, (\d+) as their wallets are today",
            r"\1 signatures de portefeuilles-contrats redemandées, chacune à son bloc, \2 aux portefeuilles du jour",
        ),
        (
            r"(\d+) ballots of contract wallets asked again at the block of each",
            r"\1 bulletins de portefeuilles-contrats redemandés, chacun à son bloc",
        ),
        (
            r"(\d+) ballots of contract wallets asked again at the block of each, (\d+) as their wallets are today",
            r"\1 bulletins de portefeuilles-contrats redemandés, chacun à son bloc, \2 aux portefeuilles d’aujourd’hui",
        ),
        (r"(\d+) tallies recounted", r"\1 dépouillements refaits"),
        (
            r"(\d+) decisions follow from their tallies and the charter's rules",
            r"\1 décisions découlent de leur dépouillement et des règles de la charte",
        ),
        (
            r"voting delay, voting period, timelock and execution window hold for every proposal",
            r"attente, durée du vote, délai d’exécution et fenêtre d’exécution tenus pour chaque proposition",
        ),
        (
            r"the spec is the approved one; its datasets \((\d+)\) and rules \((\d+)\) passed their own votes",
            r"la spécification est celle approuvée ; ses données (\1) et règles (\2) ont chacune passé leur vote",
        ),
        (
            r"(\d+) files, (\d+) bytes, as listed; (\d+) of them are what the run made",
            r"\1 fichiers, \2 octets, comme annoncé ; \3 sont ceux que l’entraînement a faits",
        ),
        (
            r"but not (\d+) attestations by contract wallets, which only the chain can confirm \(check 11\)",
            r"mais pas \1 attestations de portefeuilles-contrats, que seule la chaîne confirme (contrôle 11)",
        ),
        (r"(\d+) rules judged again: accepted", r"\1 règles jugées à nouveau : accepté"),
        (
            r"OVERRIDDEN: the model breaks (.+); vote (\d+) released it all the same",
            (
                r"RÈGLES OUTREPASSÉES : le modèle enfreint \1 ; le vote \2 l’a "
                r"publié quand même"
            ),
        ),
        (r"signed by the trusted key, fingerprint (\w+)", r"signé avec la clé de confiance, empreinte \1"),
        (
            r"consistent; nobody's key was given to compare; the fingerprint is (\w+)",
            r"cohérent ; aucune clé n’a été donnée pour comparer ; l’empreinte est \1",
        ),
        (
            r"(\d+) of (\d+) guardians signed, (\d+) are needed",
            r"\1 des \2 gardiens ont signé, \3 sont nécessaires",
        ),
        (
            r"offline: the chain was not asked for power at the snapshot blocks",
            r"hors ligne : la chaîne n’a pas été interrogée",
        ),
        (
            r"no vote takes its power from the chain; lists of members stand in the proposals \(check 3\)",
            (
                r"aucun vote ne prend son pouvoir de la chaîne ; les listes de membres sont dans les propositions "
                r"(contrôle 3)"
            ),
        ),
        (
            (
                r"(\d+) powers asked of (\S+), chain (\d+), each as in the census at its snapshot block; lists of "
                r"members stand in the proposals \(check 3\)"
            ),
            (
                r"\1 pouvoirs demandés à \2, chaîne \3, chacun comme au recensement à son bloc ; les listes de membres "
                r"sont dans les propositions (contrôle 3)"
            ),
        ),
        (
            r"trained again: (\d+) files, (\d+) bytes, all the same",
            r"entraîné à nouveau : \1 fichiers, \2 octets, tous identiques",
        ),
        (r"measured again: (\d+) values, all the same", r"mesuré à nouveau : \1 valeurs, toutes identiques"),
        (r"the release does not verify", r"la publication n’est pas vérifiée"),
        (r"the training was not repeated", r"l’entraînement n’a pas été refait"),
        (r"rests on check ([\d and]+), which did not pass", r"repose sur le contrôle \1, non réussi"),
    )
)


def evidence_in_french(sentence: str) -> str | None:
    """Return the French form of a sentence of evidence, or nothing where there is none.

    What a check adds to its sentence after the last semicolon may have a form of its own.
    """
    for pattern, french in _EVIDENCE:
        found = pattern.fullmatch(sentence)
        if found:
            return found.expand(french)
    begun, mark, added = sentence.rpartition("; ")
    parts = (evidence_in_french(begun), evidence_in_french(added)) if mark else (None, None)
    return f"{parts[0]} ; {parts[1]}" if parts[0] and parts[1] else None
