"""What the scans for poison share: rows as numbers, marks of questions, outcomes of answers, ties between the two."""
