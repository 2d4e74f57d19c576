"""What the user sees in a notebook: magics, cells, cards of futures and the live graph."""
