"""All output: `text` tables, the `html` page, `charts`, `export`ed files and the `methods` paragraphs."""
