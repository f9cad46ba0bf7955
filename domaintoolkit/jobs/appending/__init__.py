"""`append`: new events for the histories of an encoded folder."""
