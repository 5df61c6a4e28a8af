"""Text formatting: numbers, lists, tables, escapes and suggestions for misspelt names."""
