"""The report: what finished runs say, as tables, figures and one page."""
