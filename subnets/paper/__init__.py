"""The tables of Foroutan et al. 2022, as data: see README.md beside this file."""
