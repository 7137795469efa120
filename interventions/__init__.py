"""What is done to a document and what that did: rules, actions, measures, reports. Knows nothing of Beam."""
