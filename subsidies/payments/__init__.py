"""From entitlement to the card: batches, bank files, returns, recoveries, and the board of who has not got what."""
