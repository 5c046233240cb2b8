"""Recipes: which are in use, what kind of change one is, whether tonight's refits stay inside their envelope."""
