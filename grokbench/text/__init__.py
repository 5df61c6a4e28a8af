"""How text is written: numbers, lists, tables, escapes and suggestions."""
