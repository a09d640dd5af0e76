"""How good labels and students are, and what two of them differ by: figures, sets, conclusions."""
