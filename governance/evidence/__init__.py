"""Evidence: canonical form, frozen records named by their digest, and Merkle trees over them. Pure."""
