"""The sentences that explain a count, in English, by their key. A site translates them by the same keys."""

SENTENCES = {
    "nothing_cast": "No valid ballot was cast, so there is no winner.",
    "invalid": "Ballots that could not be counted: {count}. Each is listed with its reason.",
    "binary_for": "{in_favour} for is more than {against} against.",
    "binary_against": "{against} against is more than {in_favour} for.",
    "binary_tie": "{in_favour} for and as much against: a tie does not pass.",
    "unused": "{power} of the power of these ballots was not placed.",
    "winner": "{choice} has the most: {score} of {total}.",
    "tie": "{choices} have equally much, {score}. The rule for this: no winner.",
    "shares_rounded": "The weights were too varied for exact fractions; each share was rounded down to {places} binary "
    "places.",
    "roots": "Square roots were taken to {places} binary places, rounded down.",
    "irv_eliminated": "Round {round}: {choice} has the least, {score}, and is eliminated.",
    "irv_tie_eliminated": "Round {round}: {choices} have the least, {score} each. The rule for this: the first "
    "of them in the list, {choice}, is eliminated.",
    "irv_majority": "Round {round}: {choice} has {score}, more than half of {total}, and wins.",
    "irv_last_two_tie": "Round {round}: {choices} remain with {score} each. The rule for this: no winner.",
    "copeland_winner": "{choice} wins {wins} and ties {ties} of {duels} comparisons, more than any other.",
    "copeland_support": "{choice} wins by the most support in all comparisons; {choices} won equally many.",
    "stv_quota": "The quota is {quota}: more than {total} / ({seats} + 1), for {seats} seats.",
    "stv_elected": "Round {round}: {choice} reaches the quota with {score} and is elected.",
    "stv_filled": "Round {round}: as many choices remain as seats; {choice} is elected with {score}.",
    "stv_surplus": "Round {round}: the surplus of {choice}, {surplus}, passes to the next preferences.",
    "stv_eliminated": "Round {round}: {choice} has the least, {score}, and is eliminated.",
    "stv_tie_earlier": "Round {round}: {choices} are equal; an earlier round picks {choice}.",
    "stv_tie_position": "Round {round}: {choices} are equal in every round; the rule for this picks the first in the "
    "list, {choice}.",
}
