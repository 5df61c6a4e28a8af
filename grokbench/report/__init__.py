"""Everything that is shown: `text` tables, the `html` page, `charts`, `export`ed files and the `methods` paragraph."""
