"""What a repo says of itself, from small repos held in memory."""
