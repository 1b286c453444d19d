"""What people install and type: the command line, the client and the embedded stack."""
