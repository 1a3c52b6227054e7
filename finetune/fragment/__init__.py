"""The embedded world: a small grammar with a meaning, said in eleven languages. Its words and texts are CC0."""
