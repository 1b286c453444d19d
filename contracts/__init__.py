"""The published language of Centralita: facts, events, commands, queries, protocols and problems."""
