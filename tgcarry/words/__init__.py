"""Words from characters: what `scripts/train_chained.py` trains, compares and lets write."""
