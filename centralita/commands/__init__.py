"""What people type, a file for each verb or a few that belong together."""
