"""Settlement through a token on chain: what a community owes sites is paid by transfers that everybody can find there.

Off unless a vote fixed terms: a token, the treasury that pays, and a rate. A second vote approves a settlement, for one
site and one amount; it is due until a final block has the one transfer that pays it, and the books say which. Nothing
here sends anything or holds a key: whoever holds the treasury sends, and this site reads.
"""
