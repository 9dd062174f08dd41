"""What makes a finding: rules on one key, on the files of a check, and on a document."""
