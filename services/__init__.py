"""Five small services.  Each does its one job for real; seams.py is what is injected into them."""
