"""Text in, scores out: taxonomy, passages, classifiers, bundles. Knows nothing of Beam, files or policy."""
