"""What commands print: tables, meters, progress, safe text."""
