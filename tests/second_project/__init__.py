"""A second monolith, a library's: two apps with a key between them, and a plan that moves one of them.

It shares nothing with the shop. The toolkit is tried on it.
"""
