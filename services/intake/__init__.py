"""Who is calling, and how the call goes."""
