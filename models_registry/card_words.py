"""The sentences of the model card, in English and French. Pure; `card` puts the values in."""

from collections.abc import Mapping
from typing import Any

WORDS: Mapping[str, Mapping[str, Any]] = {
    "en": {
        "language": "English",
        "purpose_text": (
            "{title}: version {version} of `{model}`, owned by {community}. It was trained from `{base}` at "
            "revision `{revision}`, as proposal {number} (“{proposal}”) approved, and is published under {license}. "
            "This card was written from the signed records of the release; no part of it was written by hand."
        ),
        "data": "Data",
        "data_head": ("Dataset", "Licence", "Records", "Languages used", "Digest", "Included by proposal"),
        "recipe": "Recipe",
        "recipe_head": ("Setting", "Value"),
        "steps": "Steps taken",
        "tokens": "Tokens seen",
        "decided": "Who decided",
        "decided_text": (
            "Token holders, by signed ballots. Shares are of all voting power at the snapshot. Every ballot "
            "is in `provenance/ballots.jsonl`, everybody who could vote in `provenance/census.jsonl`, and what "
            "was delegated in `provenance/delegations.jsonl`."
        ),
        "decided_head": ("Proposal", "Title", "Power", "Ballots", "Quorum", "Executed (UTC)"),
        "options": {"for": "for", "against": "against", "abstain": "abstained"},
        "gates": "Gates",
        "gates_text": "Measured on {samples} held-out samples and judged by the ethics rules then in force.",
        "gates_head": ("Rule", "Metric", "This version", "Parent version", "Demand", "Result"),
        "comparators": {
            "at_most": "at most {bound}",
            "at_least": "at least {bound}",
            "not_below_parent": "not more than {bound} below the parent",
            "not_above_parent": "not more than {bound} above the parent",
        },
        # what of the measurement is held against the bound
        "judged": {
            "value": "",
            "cautious": ", at the worse end of the interval",
            "lenient": ", at the better end of the interval",
        },
        # what a rule asks of people in the place of a gate
        "duties": {
            "read_samples": "{people} reviewers read {samples} samples without an objection",
            "read_report": "{people} reviewers read the report without an objection",
        },
        "warning": "a warning only",
        "over": "no longer binding",
        "overridden_head": "OVERRIDDEN.",
        "overridden": (
            "This version breaks rules of its community: {rules}. It was released all the same, by the vote on "
            "proposal {number}. The reason given: {reason}"
        ),
        "changed": "What changed",
        "changed_text": (
            "The parent is `{base}` at revision `{revision}`. Everything that was measured on both, also where no rule "
            "reads it:"
        ),
        "measured_head": ("Metric", "This version", "Parent version", "Change"),
        "kept": "kept",
        "broken": "broken",
        "limits": "Limits",
        "limits_list": (
            "It can be wrong, also where it sounds sure. Have somebody who knows check important answers.",
            "Only what the tables above name was measured, on these samples; nothing follows for others.",
            "It knows nothing that happened after its training data was collected.",
            "Who wrote the rows of the data, and whom they leave out, is not recorded.",
            "Languages, groups and uses that no metric above names were not tested, and neither was misuse.",
            (
                "The release key says who released the weights. That they came from this run is shown only "
                "by training again; the isolation of the run was: {isolation}."
            ),
        ),
        "incidents": "Incidents",
        "incidents_text": (
            "This card was signed before anybody used this version, so it can name no incident. Whether the version "
            "was paused or withdrawn since stands at {page}, with the reason."
        ),
        "energy": "Energy and carbon",
        "energy_joules": "Energy reported by the machine, in joules:",
        "carbon_grams": "Carbon reported by the machine, in grams of CO2 equivalent:",
        "unmeasured": "Neither the energy nor the carbon of this run was measured.",
        "took": "The run took {seconds} seconds on: {device}.",
        "carbon_budget": "The vote allowed up to {grams} grams of CO2 equivalent.",
        "recipe_text": "Every setting as it was voted on, then what the run reports of itself. Left open: {open}.",
        "verify": "How to verify",
        "verify_text": "From the weights back to the ballots, offline, with the code of Commonweights:",
        "verify_root": (
            "Do not take the fingerprint from this card alone: compare it with the one that the community "
            "publishes, at {instance} and elsewhere."
        ),
        "cite": "How to cite",
    },
    "fr": {
        "language": "Français",
        "purpose_text": (
            "{title}\N{NO-BREAK SPACE}: version {version} de `{model}`, qui appartient à {community}. Elle "
            "a été entraînée à partir de `{base}`, révision `{revision}`, comme la proposition {number} "
            "(«\N{NO-BREAK SPACE}{proposal}\N{NO-BREAK SPACE}») l’a approuvé, et publiée sous {license}. "
            "Cette fiche est écrite à partir des enregistrements signés de la publication"
            "\N{NARROW NO-BREAK SPACE}; rien n’y est écrit à la main."
        ),
        "data": "Données",
        "data_head": (
            "Jeu de données",
            "Licence",
            "Lignes",
            "Langues utilisées",
            "Empreinte",
            "Inclus par la proposition",
        ),
        "recipe": "Recette",
        "recipe_head": ("Réglage", "Valeur"),
        "steps": "Pas effectués",
        "tokens": "Jetons lus",
        "decided": "Qui a décidé",
        "decided_text": (
            "Les détenteurs de jetons, par bulletins signés. Les parts se rapportent à tout le pouvoir de "
            "vote au moment de l’instantané. Chaque bulletin se trouve dans `provenance/ballots.jsonl`, toute "
            "personne qui pouvait voter dans `provenance/census.jsonl`, et ce qui a été délégué dans "
            "`provenance/delegations.jsonl`."
        ),
        "decided_head": ("Proposition", "Titre", "Pouvoir", "Bulletins", "Quorum", "Exécutée (UTC)"),
        "options": {"for": "pour", "against": "contre", "abstain": "abstention"},
        "gates": "Contrôles",
        "gates_text": (
            "Mesuré sur {samples} exemples tenus à l’écart et jugé selon les règles éthiques en vigueur à "
            "l’approbation."
        ),
        "gates_head": ("Règle", "Mesure", "Cette version", "Version précédente", "Exigence", "Résultat"),
        "comparators": {
            "at_most": "au plus {bound}",
            "at_least": "au moins {bound}",
            "not_below_parent": "pas plus de {bound} sous la version précédente",
            "not_above_parent": "pas plus de {bound} au-dessus de la version précédente",
        },
        "judged": {
            "value": "",
            "cautious": ", à la borne la moins favorable de l’intervalle",
            "lenient": ", à la borne la plus favorable de l’intervalle",
        },
        "duties": {
            "read_samples": "{people} personnes ont lu {samples} exemples sans objection",
            "read_report": "{people} personnes ont lu le rapport sans objection",
        },
        "warning": "simple avertissement",
        "over": "n’oblige plus",
        "overridden_head": "RÈGLES OUTREPASSÉES.",
        "overridden": (
            "Cette version enfreint des règles de sa communauté\N{NO-BREAK SPACE}: {rules}. Elle a été publiée quand "
            "même, par le vote sur la proposition {number}. La raison donnée\N{NO-BREAK SPACE}: {reason}"
        ),
        "changed": "Ce qui a changé",
        "changed_text": (
            "La version précédente est `{base}`, révision `{revision}`. Tout ce qui a été mesuré sur les deux, même "
            "là où aucune règle ne le lit\N{NO-BREAK SPACE}:"
        ),
        "measured_head": ("Mesure", "Cette version", "Version précédente", "Écart"),
        "kept": "respectée",
        "broken": "enfreinte",
        "limits": "Limites",
        "limits_list": (
            (
                "Le modèle peut se tromper, même quand il paraît sûr. Faites vérifier les réponses "
                "importantes par une personne compétente."
            ),
            (
                "Seul ce que nomment les tableaux ci-dessus a été mesuré, sur ces "
                "exemples\N{NARROW NO-BREAK SPACE}; rien n’en découle pour d’autres."
            ),
            "Il ne sait rien de ce qui s’est passé après la collecte de ses données.",
            "Qui a écrit les lignes des données, et qui elles oublient, n’est pas enregistré.",
            (
                "Les langues, les groupes et les usages qu’aucune mesure ci-dessus ne nomme n’ont pas été testés, "
                "pas plus que les abus."
            ),
            (
                "La clé de publication dit qui a publié les poids. Qu’ils viennent de cet entraînement, seul "
                "un nouvel entraînement le montre\N{NARROW NO-BREAK SPACE}; l’isolation "
                "était\N{NO-BREAK SPACE}: {isolation}."
            ),
        ),
        "incidents": "Incidents",
        "incidents_text": (
            "Cette fiche a été signée avant que quiconque n’utilise cette version\N{NARROW NO-BREAK SPACE}; elle ne "
            "peut donc nommer aucun incident. Si la version a été suspendue ou retirée depuis, {page} le dit, avec la "
            "raison."
        ),
        "energy": "Énergie et carbone",
        "energy_joules": "Énergie indiquée par la machine, en joules\N{NO-BREAK SPACE}:",
        "carbon_grams": "Carbone indiqué par la machine, en grammes d’équivalent CO2\N{NO-BREAK SPACE}:",
        "unmeasured": "Ni l’énergie ni le carbone de cet entraînement n’ont été mesurés.",
        "took": "L’entraînement a duré {seconds} secondes sur\N{NO-BREAK SPACE}: {device}.",
        "carbon_budget": "Le vote autorisait jusqu’à {grams} grammes d’équivalent CO2.",
        "recipe_text": (
            "Chaque réglage tel qu’il a été voté, puis ce que l’entraînement dit de lui-même. Laissés "
            "ouverts\N{NO-BREAK SPACE}: {open}."
        ),
        "verify": "Comment vérifier",
        "verify_text": ("Des poids jusqu’aux bulletins, hors ligne, avec le code de Commonweights\N{NO-BREAK SPACE}:"),
        "verify_root": (
            "Ne prenez pas l’empreinte de cette seule fiche\N{NO-BREAK SPACE}: comparez-la avec celle que "
            "la communauté publie, sur {instance} et ailleurs."
        ),
        "cite": "Comment citer",
    },
}
