"""Real trainings with known defects: what diagnosis is measured on, and what its page shows."""
