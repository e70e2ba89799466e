"""Small words of English and French: they tell the languages apart, and tell nothing about anybody.

Own lists of articles, pronouns, prepositions, auxiliaries and question words, without accents and case (as
`base.normalised` leaves them). Words that both languages use are in neither list's `ONLY` set.
"""

_ENGLISH = (
    "a about above after again all also am an and any are as at be because been before being below between both "
    "but by can could did do does doing down during each either else every few for from had has have having he "
    "her here hers him his how however i if in into is it its itself just let may me might more most much must my "
    "no nor not now of off often on once one only or other our ours out over own rather same shall she should "
    "since so some still such than that the their theirs them then there these they this those though through to "
    "too under until up upon us very was we were what when where whether which while who whom whose why will with "
    "within without would yes yet you your yours please two three write call ask tell said says use used"
)
_FRENCH = (
    "a afin ai ainsi alors apres as assez au aucun aucune aussi autre autres aux avant avec avez avoir avons ayant "
    "beaucoup bien c ce ceci cela celle celles celui ces cet cette ceux chaque chez comme comment contre d dans de "
    "deja depuis des deux donc dont du elle elles en encore entre es est et etaient etait etant ete etes etre eu "
    "eux faire fait faut font fut ici il ils j je jusqu l la le les leur leurs lors lorsque lui m ma mais me meme "
    "memes mes mien moi moins mon n ne ni nos notre nous on ont or ou oui par parce pas pendant peu peut peuvent "
    "plus plusieurs pour pourquoi qu quand que quel quelle quelles quelque quelques quels qui quoi s sa sans se "
    "selon sera seront ses si sien soit sommes son sont sous sur t ta tandis te tes toi ton tous tout toute toutes "
    "tres trois tu un une va vers voici voila vos votre vous y ecrire ecrivez appelez demandez dit"
)
# German, Dutch, Spanish, Portuguese and Italian together: enough to see that a text is in neither language.
_OTHERS = (
    "der die das den dem ein eine einen und ist nicht mit auf fur von zu sich auch wie wird war sind wenn aber "
    "oder nach bei warum wer weil niemand het een van dat niet aan op voor zijn hij er naar wordt bij waarom als "
    "nog werd deed el los las del y que una unos unas es por con para no se lo al como mas pero sus porque quien "
    "esta estaba muy alli cuando donde o os as da do dos em um uma nao com seu sua mais foi ao pelo quem estava "
    "muito il gli di della dei delle che non per sono era nel nella anche come perche chi ha dal dalla molto "
    "nessuno hat keiner geen heeft la fue nadie"
)
ENGLISH = frozenset(_ENGLISH.split())
FRENCH = frozenset(_FRENCH.split())
COMMON = ENGLISH | FRENCH
ONLY = {
    "en": ENGLISH - FRENCH - frozenset(_OTHERS.split()),
    "fr": FRENCH - ENGLISH - frozenset(_OTHERS.split()),
    "unknown": frozenset(_OTHERS.split()) - COMMON,
}
