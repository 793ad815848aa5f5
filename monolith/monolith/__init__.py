"""The host of every domain that has not been extracted yet."""
