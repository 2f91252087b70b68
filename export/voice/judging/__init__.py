"""How the voices sound to others: judged by a recogniser, told apart, spoken to files, drawn."""
