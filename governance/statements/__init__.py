"""Consultations: people agree or disagree with statements; what unites and what divides them is computed."""
