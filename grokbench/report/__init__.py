"""All output: `text` tables, the `html` page, `charts`, exported files (`export`) and the `methods` section."""
