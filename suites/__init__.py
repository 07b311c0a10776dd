"""What a CNI must do: a folder per theme, each case a bundle and a test."""
