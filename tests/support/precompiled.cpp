// Nothing of its own: the header that is compiled along with it is what is wanted.
