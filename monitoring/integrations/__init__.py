"""One module a library, imported only when used; each has one function that an application calls once."""
