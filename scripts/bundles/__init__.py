"""How the shipped bundles are made: public data sets, templates, configurations."""
