"""report.html: the result of an export as one page."""
